//! Members of requests that are null. If `/api/openapi.json` permits null for a member, null has the same effect as a
//! missing member. Otherwise null is refused.

use super::bodies::{BodyMember, BodyRequest, Description, Sent, requests};
use crate::harness::TestServer;
use serde_json::Value;

/// Sends null for a member. Returns how the server disagrees with the description, or `None` if it agrees.
async fn check(
    server: &TestServer,
    description: &Description,
    request: &BodyRequest,
    member: &BodyMember,
) -> Option<String> {
    let null = request.send(server, description, member, &Sent::Value(Value::Null)).await;
    let is_refused = member.is_blamed_by(&null);
    let is_expected = if member.is_nullable {
        // If one of several members is required, such as `run` or `steps`, the request is also refused if the member is
        // missing.
        !is_refused || member.is_blamed_by(&request.send(server, description, member, &Sent::Nothing).await)
    } else {
        is_refused
    };
    let permits = if member.is_nullable { "permits" } else { "does not permit" };
    (!is_expected).then(|| {
        let name = member.name();
        format!("{}: the description {permits} null for {name}: {} {}", request.operation, null.status, null.message)
    })
}

#[tokio::test]
async fn null_is_accepted_for_exactly_the_members_for_which_it_is_described() {
    let server = TestServer::start().await;
    let description = Description::of(&server).await;
    let (mut nullable, mut others, mut problems) = (0, 0, Vec::new());
    for request in &requests(&server).await {
        for member in description.members(request) {
            problems.extend(check(&server, &description, request, &member).await);
            *(if member.is_nullable { &mut nullable } else { &mut others }) += 1;
            assert!(!(member.is_nullable && member.is_required), "{} can be omitted too", member.name());
        }
    }
    assert!(nullable > 50 && others > 50, "{nullable} members can be null, and {others} cannot");
    assert!(problems.is_empty(), "{problems:#?}");
}
