//! What calls cost is counted exactly and once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    calls::{place, until, with_key},
    support::{App, Client, DAY, Engine, both},
};

async fn costs(client: &mut Client, range: &str) -> Value {
    client.get(&format!("/api/usage?range={range}")).await.expect(200).json()["costs"].clone()
}

/// A call that Twilio has priced.
async fn priced(app: &App, client: &mut Client, to: &str) -> String {
    let address = place(client, to).await;
    until(app, client, &address, |call| !call["price"].is_null()).await;
    address
}

fn sum(calls: i64, currency: &str, amount: &str) -> Value {
    json!({"provider": "twilio", "service": "calling", "operation": "create_call", "currency": currency,
           "calls": calls, "amount": amount})
}

both! {
    async fn the_price_of_a_call_is_counted_once_and_stays(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        assert_eq!(costs(&mut client, "24h").await, json!([]));
        let first = priced(&app, &mut client, "+12125550188").await;
        assert_eq!(costs(&mut client, "24h").await, json!([sum(1, "USD", "0.014")]));
        priced(&app, &mut client, "+12125550189").await;
        // Whatever goes on afterwards, and without the call in the history.
        for _ in 0..20 {
            app.clock.advance(Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.delete(&first).await.expect(204);
        assert_eq!(costs(&mut client, "24h").await, json!([sum(2, "USD", "0.028")]));
        // A currency is never added to another.
        let other = "UPDATE usage_costs SET currency = 'EUR', whole = -3, billionths = -500000000
                     WHERE subject = (SELECT id FROM calls)";
        assert_eq!(app.sql.execute(other).await, 1);
        let both = json!([sum(1, "EUR", "-3.50"), sum(1, "USD", "0.014")]);
        assert_eq!(costs(&mut client, "24h").await, both);

        // Nobody sees what is another's, and what the operator's key paid is not the user's.
        let mut bo = app.user("bo").await;
        assert_eq!(costs(&mut bo, "52w").await, json!([]));
        app.sql.execute("UPDATE usage_costs SET key_source = 'platform' WHERE currency = 'EUR'").await;
        assert_eq!(costs(&mut client, "24h").await, json!([sum(1, "USD", "0.014")]));

        app.clock.advance(2 * DAY);
        let mut client = app.log_in("ana").await;
        assert_eq!(costs(&mut client, "24h").await, json!([]));
        assert_eq!(costs(&mut client, "7d").await, json!([sum(1, "USD", "0.014")]));
        app.state.store.sweep(app.now().plus(729 * DAY)).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_costs").await, 2);
        app.state.store.sweep(app.now().plus(733 * DAY)).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_costs").await, 0);
    }

    async fn prices_that_were_known_before_are_counted_by_the_migration(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        for n in 0..6 {
            priced(&app, &mut client, &format!("+1212555019{n}")).await;
        }
        let counted = costs(&mut client, "24h").await;
        assert_eq!(counted, json!([sum(6, "USD", "0.084")]));
        let migration = match app.sql.engine {
            Engine::Sqlite => include_str!("../../migrations/sqlite/20261127010002_usage_costs.sql"),
            Engine::Postgres => include_str!("../../migrations/postgres/20261127010002_usage_costs.sql"),
        };
        let (_, insert) = migration.split_once("INSERT INTO usage_costs").unwrap();
        let insert = format!("INSERT INTO usage_costs{}", insert.trim_end().trim_end_matches(';'));
        let hours = "SELECT CAST(SUM(hour) AS BIGINT) FROM usage_costs";
        let hour = app.sql.number(hours).await;
        app.sql.execute("DELETE FROM usage_costs").await;
        app.sql.execute(&insert).await;
        assert_eq!((costs(&mut client, "24h").await, app.sql.number(hours).await), (counted, hour));

        // Every way in which a price may be written; the last two say more than is counted.
        app.sql.execute("DELETE FROM usage_costs").await;
        for (n, price) in ["12", "-0.5", ".000000001", "7.", "1.0000000001", "1.2.3"].iter().enumerate() {
            let set = format!("UPDATE calls SET price = '{price}' WHERE to_number = '+1212555019{n}'");
            assert_eq!(app.sql.execute(&set).await, 1);
        }
        app.sql.execute(&insert).await;
        assert_eq!(costs(&mut client, "24h").await, json!([sum(4, "USD", "18.500000001")]));
    }
}
