//! Keys of payment services, financial services and cryptocurrency wallets.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "stripe-secret-key",
        reason: "Secret and restricted keys of Stripe: `sk_live_`, `sk_test_`, `rk_live_` or `rk_test_` and 24 or \
                 more letters and digits, described in Stripe's documentation; Clerk, Paystack and other services \
                 use the same prefixes.",
        expression: r"[sr]k_(?:live|test)_[A-Za-z0-9]{24,247}",
        masked: &[
            concat!("sk_li", "ve_fBct21lyU8BqTt8S5gNdEsoZ"),
            concat!(
                "rk_li",
                "ve_51cKlKmR0pgghrZCtgiuauYKwBMlIccyTK5JgSQRZJoqTKAAB1gZqR46p6jAnzuXnDVvA28I3kF5ZqBzG1XVH",
                "aiKPZVP1ADfiVj",
            ),
            concat!(
                "sk_te",
                "st_51fEBgln2hxN7FBBRJBwPj8heCzyCQJnk4F6BXAwWdeRkeHkQdWVYa2TD5ETR7dNUErf699BMhrEG4lIuQEiL",
                "aNOpb0PnzU9iTB",
            ),
        ],
        unmasked: &["sk_test_", concat!("sk_live", "_znsctHhpP8cZGa4W71Cc"), "sk_test_your_secret_key_goes_here"],
    },
    TableRule {
        id: "stripe-webhook-secret",
        reason: "Signing secrets of webhooks of Stripe and of services that follow Standard Webhooks: `whsec_` \
                 and 24 to 64 bytes of base64, described in the specification.",
        expression: r"whsec_[A-Za-z0-9+/]{32,88}={0,2}",
        masked: &[
            concat!("whsec", "_IDqgOfQAYvUy5sfzMnPP3YoJEJkDv4RB"),
            concat!("whsec", "_4u3vKH2K0Fhuxt5h0DFj4xsXyT+HNmIY27KV0ulP16N="),
        ],
        unmasked: &["whsec_", concat!("whsec", "_xmiVgm2y3MRQKZZ5CcKa"), "whsec_test_secret"],
    },
    TableRule {
        id: "square-access-token",
        reason: "Access tokens of Square: `EAAAE` or `EAAAl` and 59 characters, described in Square's \
                 documentation.",
        expression: r"EAAA[El][A-Za-z0-9_-]{59}",
        masked: &[concat!("EAAA", "EOiSOue-xZUEOFNSxoVMAC8IP7LmSRIHXSEj9O4G6mCuzo9DiMAQOu4KbZ2X")],
        unmasked: &[
            concat!("EAAA", "ExpDDQUMwyZPKOu7y7yj6SLQt0p7YX8HdU52UNii-ggUT4cp_t2"),
            concat!("EAAA", "AKUi1RV3xXMWseOg+muyxpSp1lGXpqMD2dL+P2NUSClBUMYlo0XSR9M19eh7"),
        ],
    },
    TableRule {
        id: "square-secret",
        reason: "Application secrets and legacy access tokens of Square: `sq0csp-` and 43 characters or `sq0atp-` \
                 and 22, described in Square's documentation.",
        expression: r"sq0csp-[A-Za-z0-9_-]{43}|sq0atp-[A-Za-z0-9_-]{22}",
        masked: &[
            concat!("sq0csp", "-YLWvf51BIKzlQZUm3BefYGfNf2Zqt1cY5NLOYMv-XJw"),
            concat!("sq0atp", "-0iLl_e3pJyjW3MB6DHeKJq"),
        ],
        unmasked: &["sq0idp-IYN16RIPf8SdypMa6s5lyc", concat!("sq0atp", "-1deaHlAA3kTV")],
    },
    TableRule {
        id: "paypal-access-token",
        reason: "Access tokens of PayPal: `A21AA` and 92 characters, as the service creates them.",
        expression: r"A21AA[A-Za-z0-9_-]{80,120}",
        masked: &[concat!(
            "A21AA",
            "97wMUj0DKMBaDAyC0Hw5S9JaGBsYREYrS8VLVmUdj02NrCgMJ_vK6WJ9rDBXDSszYvMIl8k2BVKkLpolkMA-n0ke",
            "dkkv",
        )],
        unmasked: &[concat!("A21AA", "MkBSKXolOHiIqSmFR69eg6To4YHf2yGS9r4G8RfO"), "A21AA"],
    },
    TableRule {
        id: "braintree-access-token",
        reason: "Access tokens of Braintree: `access_token$production$` or `access_token$sandbox$`, the merchant \
                 and 32 hexadecimal digits, described in Braintree's documentation.",
        expression: r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}",
        masked: &[concat!("access_token", "$production$69yvt73v2h5xjg32$f2e34a26e47fc9c440185494e01e3c7c")],
        unmasked: &["access_token$production$", "access_token$sandbox$3o6pojfyaqneu5m8"],
    },
    TableRule {
        id: "razorpay-key",
        reason: "Key IDs of Razorpay: `rzp_live_` or `rzp_test_` and 14 letters and digits, described in \
                 Razorpay's documentation.",
        expression: r"rzp_(?:live|test)_[A-Za-z0-9]{14}",
        masked: &[concat!("rzp_li", "ve_KJoHrhqOUOHDP2")],
        unmasked: &["rzp_test_", concat!("rzp_live", "_7XX9gpjsWj"), concat!("rzp_test", "_2QKPRSGyuod9e9crjAQP")],
    },
    TableRule {
        id: "flutterwave-secret-key",
        reason: "Secret keys of Flutterwave: `FLWSECK-` or `FLWSECK_TEST-`, 32 letters and digits and a suffix \
                 that ends with `X`, described in Flutterwave's documentation.",
        expression: r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{32}-(?:[0-9a-z]{5,20}-)?X",
        masked: &[
            concat!("FLWSECK", "-8dd37310948c15c36482f1642d086f04-X"),
            concat!("FLWSECK", "_TEST-8f1ac67a180471f632d6890fd1576747-X"),
            concat!("FLWSECK", "-65c05748862dd31b76e5085a614b2979-d73f3cd254dvt-X"),
        ],
        unmasked: &["FLWSECK_TEST-X", "FLWPUBK-a6d7a84029c825122eb973affdb1a67d-X"],
    },
    TableRule {
        id: "mollie-api-key",
        reason: "Live API keys of Mollie: `live_` and 30 letters and digits, described in Mollie's documentation.",
        expression: r"live_[A-Za-z0-9]{30}",
        masked: &[concat!("live", "_olACn7mJTmt6YvwHYfo4cJogasxmR0")],
        unmasked: &[
            "live_output",
            concat!("live", "_fqV1Zftw6qm2ucW6pDQIFlX7sIJvY"),
            concat!("live", "_1KHWGQ3eTULsJoQDCAS394TNkRuh1nI"),
            "live_reload_websocket_connection_id",
        ],
    },
    TableRule {
        id: "lob-api-key",
        reason: "API keys of Lob: `live_` or `test_` and 35 hexadecimal digits, described in Lob's documentation.",
        expression: r"(?:live|test)_[0-9a-f]{35}",
        masked: &[
            concat!("live", "_a7111ff5c5acee9d9727a296e566ee17240"),
            concat!("test", "_59f00ca2c80202005e67c896817a69b3184"),
        ],
        unmasked: &["test_deadbeef", concat!("test", "_1d5e0697cf99cdbdab3690c78d4d6a25599463db")],
    },
    TableRule {
        id: "plaid-access-token",
        reason: "Access tokens of Plaid: `access-`, the environment and a UUID, described in Plaid's \
                 documentation.",
        expression: concat!(
            r"access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-",
            r"[0-9a-f]{12}",
        ),
        masked: &[concat!("access", "-production-cd299bce-fbd5-4805-af2a-3c299b58ac16")],
        unmasked: &["access-production-a1be93a657c67d66cc15", "access-sandbox-token"],
    },
    TableRule {
        id: "paddle-api-key",
        reason: "API keys of Paddle: `pdl_live_apikey_` or `pdl_sdbx_apikey_`, an ID of 26 characters, a secret \
                 of 22 and a checksum of three, described in Paddle's documentation.",
        expression: r"pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}",
        masked: &[concat!("pdl_live", "_apikey_r35w8q6vf7m3pmjdtfp0iycgea_01JAsX8Ddq2ktr5HOdxF2U_qOQ")],
        unmasked: &["pdl_live_apikey_", concat!("pdl_live", "_apikey_2ia5c4p2v0vmruzkx0vyfginri")],
    },
    TableRule {
        id: "xendit-api-key",
        reason: "Secret keys of Xendit: `xnd_production_` or `xnd_development_` and about 60 letters and digits, \
                 described in Xendit's documentation.",
        expression: r"xnd_(?:production|development)_[A-Za-z0-9]{40,80}",
        masked: &[concat!("xnd_production", "_oObvv1evdRpY8eoeLlqouVbk7Ka0dSwG4mDzwUnWKXtKGxOi5ROgHUJKF8eQ")],
        unmasked: &["xnd_development_", concat!("xnd_development", "_2OWambAW8zGt5vbwkvm0")],
    },
    TableRule {
        id: "mercadopago-access-token",
        reason: "Access tokens of Mercado Pago: `APP_USR-` or `TEST-`, the application, a date, 32 hexadecimal \
                 digits and the user, described in its documentation.",
        expression: r"(?:APP_USR|TEST)-[0-9]{10,20}-[0-9]{6}-[0-9a-f]{32}-[0-9]{6,12}",
        masked: &[
            concat!("APP_USR", "-8835931479634503-516411-369d73ead4eba8bb0f05122b7964f72c-487546242"),
            concat!("TEST", "-9815797854508180-247326-4523198675a55a9c74b9da4b977ac473-663318095"),
        ],
        unmasked: &["APP_USR-db8649bb-9624-4a56-aea8-5f2bd6ed4095", "TEST-8670895949011350"],
    },
    TableRule {
        id: "polar-access-token",
        reason: "Tokens of Polar: `polar_`, the kind and 43 characters with a checksum, as the source code of \
                 Polar creates them.",
        expression: r"polar_(?:oat|pat|at_u|at_o|rt_u|rt_o|cst|cs|whs)_[A-Za-z0-9_-]{40,64}",
        masked: &[concat!("polar_oat", "_S0UPUOh1qUHCLlzKlZKH4vyGuW3R2G2bSyA9cUCYqds")],
        unmasked: &["polar_oat_", concat!("polar_pat", "_D3f16ecNPuStE99YVhBX"), "polar_cs_transform_matrix"],
    },
    TableRule {
        id: "onfido-api-token",
        reason: "API tokens of Onfido: `api_live` or `api_sandbox`, perhaps a region, and groups of 11 and 32 \
                 characters after dots, described in Onfido's documentation.",
        expression: r"api_(?:live|sandbox)(?:_us|_ca)?\.[A-Za-z0-9_-]{11}\.[A-Za-z0-9_-]{32}",
        masked: &[
            concat!("api_live", ".yu_MFqF2Rjo.4BzKa3p2ZeXcndhukc1bxC2lSkIq4Jrq"),
            concat!("api_sandbox", "_us.V3nfN0MqrWP.DVp6vAwzMekcJXdqcU2OVAbIMWjM1NhH"),
        ],
        unmasked: &["api_live.example.com", concat!("api_sandbox", ".5l2kkEQP5J5")],
    },
    TableRule {
        id: "bitcoin-extended-key",
        reason: "Extended private keys of wallets: `xprv`, `yprv`, `zprv` or `tprv` and 107 characters of base58 \
                 with a checksum, described in BIP 32.",
        expression: r"[xyzt]prv[1-9A-HJ-NP-Za-km-z]{107}",
        masked: &[concat!(
            "xprv",
            "9s21ZrQH8Y9MiSBfcdMxsABZHTcuPHmnBzWT9DDQKDC13U9fNnv9bXUcLFbLmFzz3zArmjGrkuFSfdEyJKPynhxf",
            "mVV9pXKiVTpKyDVoKBH",
        )],
        unmasked: &[
            "xprv",
            concat!("xprv", "PsFzCpUQD95Bp9Pi5XcD7KWphhQdkaNgJmNUasxQVE283kBTCLSTUb5bLADVHpAnhaRPf3JgWXdgBV15"),
            concat!(
                "xpubqyLLAxPn3kiPG9DtbYYFAREEBwvJxnBw41npoiM8utSuPURBepfJS1Kv3P2AHfDhSkGvzMPyu1qEpXdCcym9",
                "GySqxyGH1XPZa2RYF3qLYW9",
            ),
        ],
    },
    TableRule {
        id: "nostr-private-key",
        reason: "Private keys of Nostr: `nsec1` and 58 characters of bech32 with a checksum, described in NIP-19.",
        expression: r"nsec1[02-9ac-hj-np-z]{58}",
        masked: &[concat!("nsec1", "hggkw37lq8ljsenyf9wka7ejl70dq0kypn3qqj6cu4pajaqhw8c0rsh8hm")],
        unmasked: &[
            "nsec1",
            concat!("nsec1", "j3pd8jle2kgvlmkda0j7pcqdscp88zzwpawdstva6pyqc4xw3x"),
            "npub1ylcxlumlnk9zlr2zf798mjh5r6n6uap4g0lec4mhnjzvev7nmuwvxhx4pj",
        ],
    },
];
