//! Tests of the ids, names and groups of people whom the provider authenticates.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ada, log_in, refused, session, start, users};

#[tokio::test]
async fn a_person_without_a_mapped_group_or_without_a_name_gets_no_session() {
    let (server, provider) = start().await;
    let reply = log_in(&server, &provider, ada(&["other"])).await;
    let entry = refused(&server, reply, 403, "oidc:ada has no role on this server").await;
    assert_eq!((&entry["user"], &entry["object"]), (&json!("oidc:ada"), &json!("oidc: no access")));
    provider.send_in_user_info(json!({"sub": "1001"}));
    let reply = log_in(&server, &provider, json!({"sub": "1001", "groups": ["ops"]})).await;
    let entry = refused(&server, reply, 401, "did not send the claim preferred_username").await;
    assert_eq!((&entry["user"], &entry["object"]), (&Value::Null, &json!("oidc: no name")));
    let reply = log_in(&server, &provider, json!({"sub": "1", "preferred_username": "a b", "groups": ["ops"]})).await;
    refused(&server, reply, 403, "This name is not accepted").await;
    assert_eq!(users(&server).await, Vec::<Value>::new());
}

#[tokio::test]
async fn claims_that_only_the_user_info_contains_are_used_if_they_belong_to_the_same_person() {
    let (server, provider) = start().await;
    provider.send_in_user_info(json!({"sub": "1001", "preferred_username": "ada", "groups": ["ops"]}));
    let ada = session(&log_in(&server, &provider, json!({"sub": "1001"})).await);
    assert_eq!(server.status("/api/queue/users", &ada).await, 200);
    let reply = log_in(&server, &provider, json!({"sub": "1002"})).await;
    refused(&server, reply, 401, "user info of somebody else").await;
}

#[tokio::test]
async fn a_person_is_identified_by_the_providers_id_and_never_by_a_name() {
    let (server, provider) = start().await;
    server.add_user("ada", Role::Viewer).await;
    let first = session(&log_in(&server, &provider, ada(&["ops"])).await);
    assert_eq!(server.status("/api/queue/users", &first).await, 200);
    let other = json!({"sub": "2002", "preferred_username": "ada", "groups": ["ops"]});
    let reply = log_in(&server, &provider, other).await;
    refused(&server, reply, 403, "Another person of the same provider is already the user oidc:ada").await;
    let renamed = json!({"sub": "1001", "preferred_username": "Ada.Lovelace", "groups": ["dev"]});
    session(&log_in(&server, &provider, renamed).await);
    assert_eq!(server.status("/api/queue/users", &first).await, 403, "the new groups apply to all sessions");
    let known: Vec<Value> = users(&server).await.iter().map(|user| json!([user["name"], user["role"]])).collect();
    assert_eq!(known, [json!(["ada", "viewer"]), json!(["oidc:Ada.Lovelace", "operator"])]);
    let disabled = json!({"disabled": true});
    let reply = server.api.request(Method::PATCH, "/users/oidc:ada.lovelace").json(&disabled).send().await;
    assert_eq!(reply.expect("the server answers").status(), 200);
    let reply = log_in(&server, &provider, ada(&["ops"])).await;
    refused(&server, reply, 403, "is disabled on this server").await;
}
