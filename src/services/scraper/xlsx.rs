//! Results as a workbook of Excel. The library writes row by row to a file without a name, and packs that into another
//! one, which is sent: memory does not grow with the rows, and a client that reads slowly keeps no thread.

use std::{
    fs::File,
    io::{BufWriter, Seek, Write},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::io::ReaderStream;

use super::{
    export::Parts,
    table::{Cell, Table},
};
use crate::{
    model::{
        error::{AppError, ErrorCode},
        scraper::ResultRow,
    },
    services::sheet::unwritten,
};

/// Workbooks that are made at a time; each keeps a thread busy.
pub(super) const AT_A_TIME: usize = 2;
/// Parts that wait for the thread.
const WAITING: usize = 2;

/// The workbook, made as a whole.
pub(super) async fn stream(
    table: Table,
    mut parts: Parts,
    places: &Arc<Semaphore>,
) -> Result<BoxStream<'static, Result<Bytes, AppError>>, AppError> {
    let place = Arc::clone(places).acquire_owned().await.map_err(|error| unwritten(&error))?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let span = tracing::Span::current();
    let made = tokio::task::spawn_blocking(move || {
        let (_entered, _place) = (span.entered(), place);
        make(table, receiver)
    });
    while let Some(part) = parts.next().await {
        if sender.send(Some(part?)).await.is_err() {
            break;
        }
    }
    // Without this word the thread knows that nobody waits for it any more.
    let _ = sender.send(None).await;
    let file = made.await.map_err(|error| unwritten(&error))??;
    let content = ReaderStream::new(tokio::fs::File::from_std(file));
    Ok(content.map(|part| part.map_err(|error| unwritten(&error))).boxed())
}

/// Makes the file out of parts, the last of which is followed by `None`.
fn make(table: Table, mut parts: mpsc::Receiver<Option<Vec<ResultRow>>>) -> Result<File, AppError> {
    let broken = |error: XlsxError| unwritten(&error);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().map_err(broken)?;
    begin(sheet, table).map_err(broken)?;
    let mut line = 0;
    while let Some(part) = parts.blocking_recv().ok_or_else(|| AppError::new(ErrorCode::Transport))? {
        for row in part {
            line += 1;
            put(sheet, line, table.cells(&row)).map_err(broken)?;
        }
    }
    let mut file = BufWriter::new(tempfile::tempfile().map_err(|error| unwritten(&error))?);
    book.save_to_writer(&mut file).map_err(broken)?;
    file.flush().map_err(|error| unwritten(&error))?;
    let mut file = file.into_inner().map_err(|error| unwritten(&error))?;
    file.rewind().map_err(|error| unwritten(&error))?;
    Ok(file)
}

/// Headings that stay in sight.
fn begin(sheet: &mut Worksheet, table: Table) -> Result<(), XlsxError> {
    sheet.set_name("Results")?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    for (column, heading) in (0..).zip(table.headings()) {
        let width = if column == 0 { 6.0 } else { 24.0 };
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, heading, &bold)?;
    }
    Ok(())
}

fn put(sheet: &mut Worksheet, line: u32, cells: Vec<Cell>) -> Result<(), XlsxError> {
    for (column, cell) in (0..).zip(cells) {
        match cell {
            Cell::Text(text) => drop(sheet.write_string(line, column, text)?),
            Cell::Number(number) => drop(sheet.write_number(line, column, number)?),
            Cell::Empty => {}
        }
    }
    Ok(())
}
