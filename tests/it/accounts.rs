//! Register, log in, sessions, passwords, tokens, limits.

use serde_json::json;

use crate::support::{App, DAY, HOUR, MINUTE, PASSWORD, both};

both! {
    async fn a_newcomer_registers_logs_out_and_logs_in_again(app: App) {
        let mut client = app.visitor();
        let body = json!({"email": " Ana@Example.org ", "password": PASSWORD});
        let registered = client.post("/api/auth/register", &body).await.expect(201);
        assert_eq!(registered.json()["email"], "ana@example.org");
        let cookie = registered.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert_eq!(client.get("/api/auth/me").await.expect(200).json()["email"], "ana@example.org");

        let old = client.clone();
        client.post("/api/auth/logout", &json!({})).await.expect(204);
        assert_eq!(client.cookie, None);
        client.get("/api/auth/me").await.problem(401, "unauthenticated");
        let mut replayed = old;
        replayed.get("/api/auth/me").await.problem(401, "unauthenticated");

        let body = json!({"email": "ana@example.org", "password": PASSWORD});
        client.post("/api/auth/login", &body).await.expect(200);
        client.get("/api/auth/me").await.expect(200);
    }

    async fn an_address_has_one_account(app: App) {
        app.user("ana").await;
        let body = json!({"email": "ANA@example.org", "password": PASSWORD});
        app.visitor().post("/api/auth/register", &body).await.problem(409, "email-taken");
    }

    async fn fields_are_judged_one_by_one(app: App) {
        let body = json!({"email": "ana", "password": "short"});
        let problem = app.visitor().post("/api/auth/register", &body).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["email"]["code"], "malformed");
        assert_eq!(problem["errors"]["password"]["code"], "too_short");
        assert!(!problem.to_string().contains("ana"));
        let body = json!({"email": "ana@example.org", "password": "Password123"});
        let problem = app.visitor().post("/api/auth/register", &body).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["password"]["code"], "too_common");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM users").await, 0);
    }

    async fn a_wrong_password_and_an_unknown_address_get_the_same_answer(app: App) {
        app.user("ana").await;
        let wrong = json!({"email": "ana@example.org", "password": "not the password"});
        let unknown = json!({"email": "eve@example.org", "password": "not the password"});
        let wrong = app.visitor().post("/api/auth/login", &wrong).await.problem(401, "wrong-login");
        let unknown = app.visitor().post("/api/auth/login", &unknown).await.problem(401, "wrong-login");
        assert_eq!(wrong, unknown);
    }

    async fn a_token_speaks_for_its_session_and_ends_with_it(app: App) {
        app.user("ana").await;
        let mut browser = app.visitor();
        let body = json!({"email": "ana@example.org", "password": PASSWORD, "token": true});
        let token = browser.post("/api/auth/login", &body).await.expect(200).json()["token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];

        let mut tool = app.visitor();
        tool.send("GET", "/api/auth/me", &headers, Vec::new()).await.expect(200);
        browser.send("GET", "/api/auth/me", &headers, Vec::new()).await.problem(400, "ambiguous-credentials");

        app.clock.advance(11 * MINUTE);
        tool.send("GET", "/api/auth/me", &headers, Vec::new()).await.problem(401, "unauthenticated");
        app.clock.set(crate::support::START);
        tool.send("GET", "/api/auth/me", &headers, Vec::new()).await.expect(200);
        browser.post("/api/auth/logout", &json!({})).await.expect(204);
        tool.send("GET", "/api/auth/me", &headers, Vec::new()).await.problem(401, "unauthenticated");
    }

    async fn a_password_change_ends_all_other_sessions(app: App) {
        let mut here = app.user("ana").await;
        let mut there = app.visitor();
        let login = json!({"email": "ana@example.org", "password": PASSWORD, "token": true});
        let token = there.post("/api/auth/login", &login).await.expect(200).json()["token"].as_str().unwrap().to_owned();
        assert_eq!(here.get("/api/auth/sessions").await.json()["items"].as_array().unwrap().len(), 2);

        let wrong = json!({"current": "not the password", "new": "another good one"});
        let problem = here.put("/api/auth/password", &wrong).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["current"]["code"], "wrong");
        there.get("/api/auth/me").await.expect(200);

        let before = here.cookie.clone();
        here.put("/api/auth/password", &json!({"current": PASSWORD, "new": "another good one"})).await.expect(200);
        assert_ne!(here.cookie, before, "the session is a new one");
        here.get("/api/auth/me").await.expect(200);
        there.get("/api/auth/me").await.problem(401, "unauthenticated");
        let bearer = format!("Bearer {token}");
        app.visitor().send("GET", "/api/auth/me", &[("authorization", &bearer)], Vec::new()).await.problem(401, "unauthenticated");
        app.visitor().post("/api/auth/login", &login).await.problem(401, "wrong-login");
    }

    async fn sessions_are_listed_and_ended_by_their_owner_only(app: App) {
        let mut ana = app.user("ana").await;
        let mut eve = app.user("eve").await;
        let mut phone = app.visitor();
        phone.post("/api/auth/login", &json!({"email": "ana@example.org", "password": PASSWORD})).await.expect(200);
        let list = ana.get("/api/auth/sessions").await.json();
        let other = list["items"].as_array().unwrap().iter().find(|s| s["current"] == false).unwrap().clone();
        assert_eq!(other["user_agent"], "Keyward tests");
        let path = format!("/api/auth/sessions/{}", other["id"].as_str().unwrap());
        eve.delete(&path).await.problem(404, "not-found");
        phone.get("/api/auth/me").await.expect(200);
        ana.delete(&path).await.expect(204);
        phone.get("/api/auth/me").await.problem(401, "unauthenticated");
        ana.delete(&path).await.problem(404, "not-found");

        phone.post("/api/auth/login", &json!({"email": "ana@example.org", "password": PASSWORD})).await.expect(200);
        ana.delete("/api/auth/sessions").await.expect(204);
        phone.get("/api/auth/me").await.problem(401, "unauthenticated");
        ana.get("/api/auth/me").await.expect(200);
    }

    async fn sessions_end_when_idle_and_in_any_case_after_two_weeks(app: App) {
        let mut client = app.user("ana").await;
        for _ in 0..40 {
            app.clock.advance(11 * HOUR);
            if app.now() > crate::support::START.plus(14 * DAY) {
                break;
            }
            client.get("/api/auth/me").await.expect(200);
        }
        client.get("/api/auth/me").await.problem(401, "unauthenticated");

        let mut idle = app.visitor();
        idle.post("/api/auth/login", &json!({"email": "ana@example.org", "password": PASSWORD})).await.expect(200);
        app.clock.advance(12 * HOUR);
        idle.get("/api/auth/me").await.problem(401, "unauthenticated");
    }

    async fn only_hashes_of_tokens_and_passwords_are_stored(app: App) {
        let client = app.user("ana").await;
        let token = client.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
        let stored = app.sql.blobs("SELECT token_hash FROM sessions").await;
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].len(), 32);
        assert_ne!(stored[0], token.as_bytes());
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'").await, 1);
    }

    async fn the_audit_chain_is_whole_and_shows_a_change(app: App) {
        let mut ana = app.user("ana").await;
        ana.put("/api/auth/password", &json!({"current": PASSWORD, "new": "another good one"})).await.expect(200);
        let owner = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
        let accounts = &app.state.use_cases.accounts;
        assert_eq!(accounts.verify_audit(owner).await.unwrap(), Ok(4));
        app.sql.execute("UPDATE audit_log SET subject = 'x' WHERE seq = 2").await;
        assert_eq!(accounts.verify_audit(owner).await.unwrap(), Err(2));
    }
}

mod limits {
    use super::*;
    use crate::support::Engine;

    #[test]
    fn log_ins_are_limited_per_account_and_address_and_open_again() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_LOGIN_PER_MINUTE", "3")]).await;
            app.user("ana").await;
            let body = json!({"email": "ana@example.org", "password": "not the password"});
            for _ in 0..3 {
                app.visitor().post("/api/auth/login", &body).await.problem(401, "wrong-login");
            }
            let answer = app.visitor().post("/api/auth/login", &body).await;
            assert!(answer.headers.contains_key("retry-after"));
            answer.problem(429, "rate-limited");
            // Another account from elsewhere is not concerned.
            let mut elsewhere = app.visitor();
            elsewhere.peer = ([192, 0, 2, 9], 1).into();
            elsewhere
                .post("/api/auth/login", &json!({"email": "eve@example.org", "password": "x"}))
                .await
                .problem(401, "wrong-login");
            app.clock.advance(MINUTE);
            let right = json!({"email": "ana@example.org", "password": PASSWORD});
            app.visitor().post("/api/auth/login", &right).await.expect(200);
        });
    }

    #[test]
    fn log_ins_to_an_account_are_limited_wherever_they_come_from() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_LOGIN_PER_MINUTE", "3")]).await;
            app.user("ana").await;
            app.user("bo").await;
            let from = |host| {
                let mut client = app.visitor();
                client.peer = ([192, 0, 2, host], 1).into();
                client
            };
            let wrong = json!({"email": "ana@example.org", "password": "not the password"});
            for host in 1..=3 {
                from(host).post("/api/auth/login", &wrong).await.problem(401, "wrong-login");
            }
            // Not even with the right password, however the address is written.
            for email in ["ana@example.org", " ANA@Example.org"] {
                let right = json!({"email": email, "password": PASSWORD});
                from(4).post("/api/auth/login", &right).await.problem(429, "rate-limited");
            }
            let other = json!({"email": "bo@example.org", "password": PASSWORD});
            from(4).post("/api/auth/login", &other).await.expect(200);
            app.clock.advance(MINUTE);
            let right = json!({"email": "ana@example.org", "password": PASSWORD});
            from(4).post("/api/auth/login", &right).await.expect(200);
        });
    }

    #[test]
    fn log_ins_from_an_address_are_limited_whatever_the_account() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_LOGIN_PER_MINUTE", "3")]).await;
            app.user("ana").await;
            for n in 0..3 {
                let stranger = json!({"email": format!("u{n}@example.org"), "password": "not the password"});
                app.visitor().post("/api/auth/login", &stranger).await.problem(401, "wrong-login");
            }
            let right = json!({"email": "ana@example.org", "password": PASSWORD});
            app.visitor().post("/api/auth/login", &right).await.problem(429, "rate-limited");
            let mut elsewhere = app.visitor();
            elsewhere.peer = ([192, 0, 2, 9], 1).into();
            elsewhere.post("/api/auth/login", &right).await.expect(200);
        });
    }

    #[test]
    fn a_forged_forwarding_header_does_not_move_the_client() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_REGISTER_PER_HOUR", "2")]).await;
            for n in 0..4 {
                let body = json!({"email": format!("u{n}@example.org"), "password": PASSWORD});
                let forged = format!("203.0.113.{n}");
                let headers = [("content-type", "application/json"), ("x-forwarded-for", forged.as_str())];
                let answer =
                    app.visitor().send("POST", "/api/auth/register", &headers, body.to_string().into()).await;
                assert_eq!(answer.status.as_u16(), if n < 2 { 201 } else { 429 });
            }
        });
    }

    #[test]
    fn registration_by_invitation_takes_a_code_once() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_REGISTRATION", "invite")]).await;
            let register = |name: &str, code: &str| json!({"email": format!("{name}@example.org"), "password": PASSWORD, "code": code});
            app.visitor()
                .post("/api/auth/register", &register("ana", ""))
                .await
                .problem(403, "registration-closed");
            let problem = app
                .visitor()
                .post("/api/auth/register", &register("ana", "guess"))
                .await
                .problem(422, "invalid-input");
            assert_eq!(problem["errors"]["code"]["code"], "wrong");
            let code = app.state.use_cases.accounts.first_operator_code().await.unwrap().unwrap();
            app.visitor().post("/api/auth/register", &register("ana", &code)).await.expect(201);
            app.visitor()
                .post("/api/auth/register", &register("eve", &code))
                .await
                .problem(422, "invalid-input");
            assert_eq!(app.sql.number("SELECT COUNT(*) FROM users WHERE role = 'operator'").await, 1);
            assert_eq!(app.state.use_cases.accounts.first_operator_code().await.unwrap(), None);
        });
    }
}
