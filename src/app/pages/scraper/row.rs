use std::sync::Arc;

use leptos::prelude::*;

use crate::{
    app::{
        links::with_query,
        ui::{Icon, Mark, grouped},
    },
    model::scraper::{Engine, ResultRow},
};

/// One result.
#[component]
pub(super) fn Row(row: Arc<ResultRow>, engine: Engine, batch: bool) -> impl IntoView {
    let website = match (row.link().map(str::to_owned), row.host().map(str::to_owned)) {
        (Some(link), Some(host)) => outside(link, host),
        _ => or_dash(row.website.clone()).into_any(),
    };
    let email = match row.email.clone() {
        Some(email) => view! { <a href=format!("mailto:{email}")>{email.clone()}</a> }.into_any(),
        None => "–".into_any(),
    };
    let query = batch.then(|| view! { <td>{or_dash(row.query.clone())}</td> }.into_any());
    let cells = match engine {
        Engine::Maps => {
            let map = map_link(&row).map_or_else(|| "–".into_any(), |link| outside(link, "Map".to_owned()));
            let phone = match row.phone.clone() {
                Some(phone) => view! { <a href=telephone(&phone)>{phone.clone()}</a> }.into_any(),
                None => "–".into_any(),
            };
            view! {
                <td>{or_dash(row.category.clone())}</td>
                <td>{or_dash(row.address.clone())}</td>
                <td class="phone">{phone}</td>
                <td>{website}</td>
                <td>{email}</td>
                <td class="number">{or_dash(row.rating.map(|rating| format!("{rating:.1}")))}</td>
                <td class="number">{or_dash(row.reviews.map(grouped))}</td>
                <td>{map}</td>
            }
            .into_any()
        }
        Engine::Web => view! {
            <td>{website}</td>
            <td>{email}</td>
            <td>{or_dash(row.displayed_link.clone())}</td>
            <td class="snippet">{or_dash(row.snippet.clone())}</td>
        }
        .into_any(),
    };
    view! {
        <tr>
            <td class="number">{row.position}</td>
            <th scope="row">{row.name.clone()}</th>
            {cells}
            {query}
        </tr>
    }
    .into_any()
}

/// A link to another site, in a tab of its own.
fn outside(link: String, text: String) -> AnyView {
    view! {
        <a href=link target="_blank" rel="noopener noreferrer nofollow">
            {text}
            <Icon mark=Mark::Outside />
            <span class="visually-hidden">" (opens in a new tab)"</span>
        </a>
    }
    .into_any()
}

/// The place on Google Maps. Source: <https://developers.google.com/maps/documentation/urls/get-started>.
fn map_link(row: &ResultRow) -> Option<String> {
    let point =
        row.latitude.zip(row.longitude).map(|(latitude, longitude)| format!("{latitude},{longitude}"));
    let address = row.address.as_ref().map(|address| format!("{}, {address}", row.name));
    let query = if row.place_id.is_some() { Some(row.name.clone()) } else { point.or(address) }?;
    let given =
        [("api", Some("1")), ("query", Some(query.as_str())), ("query_place_id", row.place_id.as_deref())];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Some(with_query("https://www.google.com/maps/search/", given))
}

/// An address for a telephone: RFC 3966, without what only people need.
fn telephone(number: &str) -> String {
    format!("tel:{}", number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>())
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_is_found_on_the_map_by_its_id_or_where_it_is() {
        let row = ResultRow { name: "Korn & Haus".to_owned(), ..ResultRow::default() };
        assert_eq!(map_link(&row), None);
        let row = ResultRow { latitude: Some(52.5), longitude: Some(-13.4), ..row };
        assert_eq!(
            map_link(&row).as_deref(),
            Some("https://www.google.com/maps/search/?api=1&query=52.5%2C-13.4")
        );
        let row = ResultRow { place_id: Some("ChIJ1".to_owned()), ..row };
        assert_eq!(
            map_link(&row).as_deref(),
            Some("https://www.google.com/maps/search/?api=1&query=Korn%20%26%20Haus&query_place_id=ChIJ1")
        );
        assert_eq!(telephone("(030) 555-01 23"), "tel:0305550123");
    }
}
