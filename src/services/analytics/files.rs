//! The tables of a report as files.

use bytes::Bytes;

use super::Analytics;
use crate::{
    model::{
        error::AppError,
        ids::{ProviderId, UserId},
        provider::provider_name,
        report::UsageTable,
        service::ServiceId,
        usage::{Range, Totals, UsageReport},
    },
    services::sheet::{Lines, guarded},
};

/// A file to be downloaded.
pub struct UsageFile {
    /// Its name: ASCII letters, digits, `-` and `.`.
    pub name: String,
    /// Its content: CSV.
    pub content: Bytes,
}

impl Analytics {
    /// One table of the report as CSV. No table is longer than some hundred lines.
    pub async fn file(
        &self,
        user: UserId,
        table: UsageTable,
        range: Range,
        offset: i32,
        provider: Option<ProviderId>,
    ) -> Result<UsageFile, AppError> {
        let report = self.report(user, range, offset, provider).await?;
        let name = format!("usage-{}-{range}-{}.csv", table.code(), self.clock.now().iso_date());
        Ok(UsageFile { name, content: csv(&report, table)? })
    }
}

/// Times are in UTC, as a spreadsheet reads them wherever it is opened.
fn csv(report: &UsageReport, table: UsageTable) -> Result<Bytes, AppError> {
    let mut lines = Lines::first();
    match table {
        UsageTable::Operations => {
            lines.add([
                "Provider",
                "For",
                "Operation",
                "Calls",
                "Failed",
                "Succeeded in %",
                "Units",
                "p50 in ms",
                "p95 in ms",
                "p99 in ms",
            ])?;
            for row in &report.operations {
                let totals = row.totals;
                lines.add([
                    guarded(&provider_name(&row.provider)),
                    purpose(row.service),
                    guarded(&row.operation),
                    totals.calls.to_string(),
                    totals.failed.to_string(),
                    succeeded(&totals),
                    totals.units.to_string(),
                    cell(totals.p50_ms),
                    cell(totals.p95_ms),
                    cell(totals.p99_ms),
                ])?;
            }
        }
        UsageTable::Steps => {
            lines.add(["Begins", "Calls", "Failed"])?;
            for step in &report.steps {
                lines.add([step.begins.to_string(), step.calls.to_string(), step.failed.to_string()])?;
            }
        }
        UsageTable::Failures => {
            lines.add([
                "Provider",
                "For",
                "Operation",
                "Outcome",
                "Calls",
                "Last",
                "What happened",
                "What helps",
            ])?;
            for row in &report.failures {
                let (what, helps) = row.explanation();
                lines.add([
                    guarded(&provider_name(&row.provider)),
                    purpose(row.service),
                    guarded(&row.operation),
                    guarded(&row.outcome),
                    row.calls.to_string(),
                    row.last_at.to_string(),
                    what.to_owned(),
                    helps.to_owned(),
                ])?;
            }
        }
        UsageTable::Costs => {
            lines.add(["Provider", "For", "Operation", "Priced", "Cost", "Currency"])?;
            for row in &report.costs {
                lines.add([
                    guarded(&provider_name(&row.provider)),
                    purpose(row.service),
                    guarded(&row.operation),
                    row.calls.to_string(),
                    // A number, which may be less than nothing.
                    row.amount.clone(),
                    guarded(&row.currency),
                ])?;
            }
        }
        UsageTable::Quotas => {
            lines.add(["Provider", "Unit", "When", "Used", "Of", "Left", "Renewed"])?;
            for quota in &report.quotas {
                for point in &quota.points {
                    lines.add([
                        guarded(&provider_name(&quota.provider)),
                        guarded(&quota.unit),
                        point.at.to_string(),
                        point.used.to_string(),
                        cell(point.limit),
                        cell(point.left()),
                        cell(point.resets_at),
                    ])?;
                }
            }
        }
        UsageTable::Availability => {
            lines.add(["Provider", "Day begins", "Calls", "Not answered"])?;
            for of in &report.availability.providers {
                for day in &of.days {
                    lines.add([
                        guarded(&provider_name(&of.provider)),
                        day.begins.to_string(),
                        day.calls.to_string(),
                        day.failed.to_string(),
                    ])?;
                }
            }
        }
        UsageTable::Versions => {
            lines.add([
                "Provider",
                "Version",
                "In use",
                "First used",
                "Last used",
                "Calls",
                "Failed",
                "Succeeded in %",
                "Most frequent failure",
                "Units",
                "p50 in ms",
                "p95 in ms",
                "p99 in ms",
            ])?;
            for row in &report.versions {
                let totals = row.totals;
                lines.add([
                    guarded(&provider_name(&row.provider)),
                    row.version.to_string(),
                    if row.in_use { "yes" } else { "no" }.to_owned(),
                    row.first_at.to_string(),
                    row.last_at.to_string(),
                    totals.calls.to_string(),
                    totals.failed.to_string(),
                    succeeded(&totals),
                    guarded(row.failure.as_deref().unwrap_or_default()),
                    totals.units.to_string(),
                    cell(totals.p50_ms),
                    cell(totals.p95_ms),
                    cell(totals.p99_ms),
                ])?;
            }
        }
    }
    lines.written()
}

fn purpose(service: Option<ServiceId>) -> String {
    service.map_or("Key checks", ServiceId::name).to_owned()
}

fn succeeded(totals: &Totals) -> String {
    totals.success_percent().map(|percent| format!("{percent:.2}")).unwrap_or_default()
}

fn cell(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
