//! Tokens of continuous integration services and of other job runners.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "tailwater-token",
        reason: "API tokens of Tailwater: `twt_`, 30 letters and digits and a CRC-32 checksum of six more, as this \
                 program creates them.",
        expression: r"twt_[A-Za-z0-9]{36}",
        masked: &[
            concat!("twt", "_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7y3gm1IL"),
            concat!("twt", "_Eeeby3abP3E2Zs8IQ9Y7aJZqhB6bae2dTjzx"),
            concat!("created twt", "_CN6Zj4a3dDVhYRnKTbxTNJFoBinF5a42GyMy"),
        ],
        unmasked: &["twt_ in prose", concat!("twt", "_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7y3gm1I"), "twt_Ky9P\u{2026}"],
    },
    TableRule {
        id: "buildkite-token",
        reason: "Tokens of Buildkite: a prefix such as `bkua_` for users or `bkct_` for agents and 40 or more \
                 characters, which for jobs are a JWT, described in Buildkite's documentation of token security.",
        expression: r"bk(?:ua|ur|aa|aj|jat|ar|ct|pt|pat|ps)_[A-Za-z0-9_-]{40,1024}(?:\.[A-Za-z0-9_-]{20,1024}){0,2}",
        masked: &[
            concat!("bkua_", "72be066277edec82d65dc0c1aadfb8caf15e0ca3"),
            concat!("bkct_", "cmBIxxygebDpEEjFE7SlrGeSAZedjnNJRCb4XCsU9YuOvYdFDmSxzFnYnaNbMS2qO9Q7qJfDH"),
            concat!(
                "bkaj_",
                "eyJb2AF8IV1_egl5cVAZpGasuscUxpio7-tuqW7lnnK.N3ZPtBw4NscQbiLH6URgG3jUwEHYNAblp0dKI6wYvOur",
                "ArJ5kRQEtG7V0y4p.5mgGGr7eVHMFUKT_bf5oIL1SBHeqm2o9Xujb3eIPnWgRNZrw8V9cnLQQVY-uM7LaEX8cFSm",
                "sHwmEQhpxJZDMuz",
            ),
        ],
        unmasked: &["bkua_", concat!("bkua_", "d0a277d636ee93bb6f19")],
    },
    TableRule {
        id: "circleci-token",
        reason: "Tokens of CircleCI: `CCIPAT_` or `CCIPRJ_`, an ID of 22 characters, `_` and 40 hexadecimal \
                 digits, as the service creates them.",
        expression: r"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}",
        masked: &[concat!("CCIPAT", "_lUOiHH6gXSQJVAdWEvu9ye_4e120befd5fde5552b1c2a27cfd02b0f3898f3ec")],
        unmasked: &["CCIPAT_", concat!("CCIPAT", "_8pTIjhN0X61C7wGK7WXDYu")],
    },
    TableRule {
        id: "octopus-api-key",
        reason: "API keys of Octopus Deploy: `API-` and 26 or more capital letters and digits, described in its \
                 documentation.",
        expression: r"API-[A-Z0-9]{26,34}",
        masked: &[concat!("API-", "020VV82B38D5TC4XV7CPGDW8CF")],
        unmasked: &[concat!("API-", "CICLC2XSMDF1J25LMEWL"), "API-KEY"],
    },
    TableRule {
        id: "harness-token",
        reason: "Tokens of Harness: `pat.` or `sat.`, the account, 24 hexadecimal digits and 20 letters and \
                 digits, described in its documentation.",
        expression: r"(?:pat|sat)\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}",
        masked: &[concat!("pat.", "kNaNNO_CkSnfc84f1jbUIC.f7846620d16c1c07133951f4.YBEKXLS9dk8EvR3fr0br")],
        unmasked: &["pat.match", concat!("pat.", "vGGppsowyCQw7VNyMvnNHn.44b4fddd7c4be32e03161fc7")],
    },
    TableRule {
        id: "pulumi-access-token",
        reason: "Access tokens of Pulumi Cloud: `pul-` and 40 hexadecimal digits, described in Pulumi's \
                 documentation.",
        expression: r"pul-[0-9a-f]{40}",
        masked: &[concat!("pul-", "f739ab046e78a10984c65bba2daef603c7952e19")],
        unmasked: &[concat!("pul-", "c739ecae67bf9480500c3809072304df088a079"), "pul-request"],
    },
    TableRule {
        id: "prefect-api-key",
        reason: "API keys of Prefect: `pnu_` for users or `pnb_` for bots and 36 letters and digits, described in \
                 Prefect's documentation.",
        expression: r"pn[ub]_[A-Za-z0-9]{36}",
        masked: &[concat!("pnu_", "SCXCgaMhRdiMhvHS0PllophqEbC0t2uPdKV1")],
        unmasked: &["pnu_", concat!("pnu_", "hneiQSNoYvuJhTp9doEn4WWzi8j5KJ")],
    },
    TableRule {
        id: "inngest-signing-key",
        reason: "Signing keys of Inngest: `signkey-`, the environment and 32 or 64 hexadecimal digits, described \
                 in Inngest's documentation.",
        expression: r"signkey-(?:prod|test|branch)-[0-9a-f]{32,64}",
        masked: &[
            concat!("signkey-prod", "-4ff3fe23eb0bb4cf3c86955c1ab2f59cda80bf0030c0ad05c671ad14b29cb020"),
            concat!("signkey-test", "-6fb4a6386b9f13e792b136640eab685f"),
        ],
        unmasked: &["signkey-prod-", "signkey-test-9dc9a4"],
    },
    TableRule {
        id: "trigger-dev-key",
        reason: "Secret keys and personal access tokens of Trigger.dev: `tr_`, the environment or `pat`, and 20 \
                 to 40 letters and digits, described in its documentation.",
        expression: r"tr_(?:dev|prod|stg|preview|pat)_[A-Za-z0-9]{20,44}",
        masked: &[
            concat!("tr_prod", "_5iFy0T7OgYkdeiWL4UDij0UQ"),
            concat!("tr_pat", "_oq4svtrtxe8jghyv2stoqslrf7nczpcz4f84dgnf"),
        ],
        unmasked: &["tr_prod_", concat!("tr_dev", "_VDS8tiA0hN"), "tr_pat_idx"],
    },
    TableRule {
        id: "teamcity-access-token",
        reason: "Access tokens of TeamCity: a header in base64 that begins with `eyJ0eXAiOiAiVENWMiJ9`, which \
                 names the type `TCV2`, and two more parts, as TeamCity creates them.",
        expression: r"eyJ0eXAiOiAiVENWMiJ9\.[A-Za-z0-9_-]{20,100}\.[A-Za-z0-9_-]{30,100}",
        masked: &[concat!(
            "eyJ0eXAi",
            "OiAiVENWMiJ9.VvBWw9DVYXTlxVvaInDmMeXHFNEI9I_KhCaG.eGDOgwNZ162hMwyHb9h55C_9eL_HE4FA5UyXeF",
            "Td-nFjIMD3",
        )],
        unmasked: &["eyJ0eXAiOiAiVENWMiJ9", concat!("eyJ0eXAi", "OiAiVENWMiJ9.1FP9HnTzgbIqxu_PYSW2E44WgT3T9zcOYnXm")],
    },
    TableRule {
        id: "chromatic-project-token",
        reason: "Project tokens of Chromatic: `chpt_` and 12 to 15 hexadecimal digits, as the service creates \
                 them.",
        expression: r"chpt_[0-9a-f]{12,15}",
        masked: &[concat!("chpt_", "e277eaa2a6430e9")],
        unmasked: &["chpt_", concat!("chpt_", "6f1359ca")],
    },
    TableRule {
        id: "percy-token",
        reason: "Project tokens of Percy: the kind of the project, `_` and 64 hexadecimal digits, as its \
                 dashboard creates them.",
        expression: r"(?:web|app|auto)_[0-9a-f]{64}",
        masked: &[concat!("web_", "f60cc0f7f7a26e5810514c01ef3ee989c5cefe58ee69fe1d026c348a68adc0a9")],
        unmasked: &[concat!("web_", "6a190e21cf8cd63dee8fb885a9ce14927a987ec9"), "app_version"],
    },
    TableRule {
        id: "zuplo-api-key",
        reason: "API keys of Zuplo and of the services that use it: `zpka_`, 32 hexadecimal digits, `_` and a \
                 checksum of eight, described in Zuplo's documentation.",
        expression: r"zpka_[0-9a-f]{32}_[0-9a-f]{8}",
        masked: &[concat!("zpka_", "c3b2af815f60a5176f0bc7cda477b777_716e2d96")],
        unmasked: &["zpka_", concat!("zpka_", "a04d188a46e639d77f144e267f2bf0cc")],
    },
];
