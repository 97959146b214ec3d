//! A small OpenID Connect provider on a loopback address. Tests can change the tokens that it signs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The client id of the server at the provider.
pub const CLIENT_ID: &str = "tailwater";

/// The client secret of the server at the provider.
pub const CLIENT_SECRET: &str = "client-secret-0123456789abcdef";

/// A function that changes the header and the claims of tokens before they are signed.
pub type Forgery = fn(header: &mut Value, claims: &mut Value);

/// A key with which tokens are signed.
struct SigningKey {
    id: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    fn new(id: &str) -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key can be generated");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("the key is valid");
        Self { id: id.to_owned(), pair }
    }

    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
        })
    }

    fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).expect("it can sign");
        URL_SAFE_NO_PAD.encode(signature.as_ref())
    }
}

/// A login that a person has approved.
struct Approved {
    challenge: String,
    nonce: String,
    claims: Value,
}

struct Inner {
    base: String,
    signing: SigningKey,
    /// The public keys that the provider publishes.
    published: Vec<Value>,
    approved: HashMap<String, Approved>,
    forgery: Option<Forgery>,
    /// Claims that are sent only in the response to a request for user info.
    user_info: Value,
    /// The error with which the token endpoint responds, or `None` to respond with tokens.
    error: Option<Value>,
    /// All secrets that the provider has issued. They must not appear in the log of a server.
    issued: Vec<String>,
}

/// A running provider.
#[derive(Clone)]
pub struct Provider {
    pub base: String,
    /// Whether the token endpoint responds.
    responds: Arc<watch::Sender<bool>>,
    /// The number of requests that the token endpoint has received.
    received: Arc<watch::Sender<u32>>,
    inner: Arc<Mutex<Inner>>,
}

impl Provider {
    /// Starts a provider on a free port.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0".parse().expect("it is an address")).await
    }

    /// Starts a provider on the given address.
    pub async fn start_on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let base = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let signing = SigningKey::new("first");
        let inner = Inner {
            base: base.clone(),
            published: vec![signing.public()],
            signing,
            approved: HashMap::new(),
            forgery: None,
            user_info: json!({}),
            error: None,
            issued: Vec::new(),
        };
        let (responds, received) = (Arc::new(watch::Sender::new(true)), Arc::default());
        let provider = Self { base, responds, received, inner: Arc::new(Mutex::new(inner)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(description))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/user-info", get(user_info))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies `forgery` to all tokens from now on. `None` leaves them unchanged.
    pub fn forge(&self, forgery: Option<Forgery>) {
        self.inner().forgery = forgery;
    }

    /// Signs tokens with a new key from now on. The key's public part is published only if `is_published` is true.
    pub fn renew_key(&self, id: &str, is_published: bool) {
        let (mut inner, key) = (self.inner(), SigningKey::new(id));
        if is_published {
            inner.published = vec![key.public()];
        }
        inner.signing = key;
    }

    /// From now on, sends these claims in responses to requests for user info, but not in tokens.
    pub fn send_in_user_info(&self, claims: Value) {
        self.inner().user_info = claims;
    }

    /// From now on, responds to requests for tokens with this error, or with tokens again if `error` is `None`.
    pub fn fail(&self, error: Option<Value>) {
        self.inner().error = error;
    }

    /// Leaves further requests for tokens unanswered until [`Self::release`] is called.
    pub fn hold(&self) {
        self.responds.send_replace(false);
    }

    /// Answers the waiting requests for tokens, and all further ones.
    pub fn release(&self) {
        self.responds.send_replace(true);
    }

    /// Waits until a request for tokens has been received.
    pub async fn is_asked(&self) {
        self.received.subscribe().wait_for(|count| *count > 0).await.expect("the provider exists");
    }

    /// Returns all secrets that the provider has issued.
    pub fn issued(&self) -> Vec<String> {
        self.inner().issued.clone()
    }

    /// Approves the login for which a server has redirected the browser to `location`. Returns the query with which the
    /// provider sends the browser back.
    pub fn approve(&self, location: &str, claims: Value) -> String {
        let url: Url = location.parse().expect("the server redirects to the provider");
        assert!(location.starts_with(&format!("{}/authorize?", self.base)), "{location}");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let expected = [("response_type", "code"), ("client_id", CLIENT_ID), ("code_challenge_method", "S256")];
        for (name, value) in expected {
            assert_eq!(query[name], value, "{location}");
        }
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"), "{location}");
        assert!(query["redirect_uri"].ends_with("/login/oidc/callback"), "{location}");
        let mut inner = self.inner();
        let code = format!("code-{}-0123456789abcdef", inner.issued.len());
        let (challenge, nonce) = (query["code_challenge"].clone(), query["nonce"].clone());
        inner.issued.extend([code.clone(), nonce.clone(), query["state"].clone()]);
        inner.approved.insert(code.clone(), Approved { challenge, nonce, claims });
        serde_urlencoded::to_string([("code", code.as_str()), ("state", &query["state"]), ("session_state", "x")])
            .expect("pairs of strings can be encoded")
    }
}

async fn description(State(provider): State<Provider>) -> Json<Value> {
    let base = &provider.base;
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/user-info"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "none"],
    }))
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    Json(json!({"keys": provider.inner().published}))
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    provider.received.send_modify(|count| *count += 1);
    provider.responds.subscribe().wait_for(|responds| *responds).await.expect("the provider exists");
    let mut inner = provider.inner();
    if let Some(error) = &inner.error {
        return (StatusCode::BAD_REQUEST, Json(error.clone()));
    }
    let credentials = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    let is_client = headers.get("authorization").is_some_and(|value| value.as_bytes() == credentials.as_bytes());
    let approved = form.get("code").and_then(|code| inner.approved.remove(code));
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error})));
    let (Some(Approved { challenge, nonce, claims: own }), true) = (approved, is_client) else {
        return refused("invalid_grant");
    };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)) != challenge {
        return refused("invalid_grant");
    }
    let now = engine::clock::now().0 / 1_000_000;
    let mut header = json!({"alg": "ES256", "typ": "JWT", "kid": inner.signing.id});
    let mut claims = json!({"iss": inner.base, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce});
    claims.as_object_mut().expect("it is an object").extend(own.as_object().expect("claims are an object").clone());
    if let Some(forge) = inner.forgery {
        forge(&mut header, &mut claims);
    }
    let signed = [&header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = if header["alg"] == "none" { String::new() } else { inner.signing.sign(&signed) };
    let (id_token, access_token) =
        (format!("{signed}.{signature}"), format!("access-{}-0123456789", inner.issued.len()));
    inner.issued.extend([id_token.clone(), access_token.clone(), verifier]);
    (StatusCode::OK, Json(json!({"access_token": access_token, "token_type": "Bearer", "id_token": id_token})))
}

async fn user_info(State(provider): State<Provider>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let inner = provider.inner();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let is_known = token.is_some_and(|token| inner.issued.iter().any(|issued| issued == token));
    if is_known { Ok(Json(inner.user_info.clone())) } else { Err(StatusCode::UNAUTHORIZED) }
}
