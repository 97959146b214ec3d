//! Keys of services for customer relationship management and no-code automation.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "hubspot-token",
        reason: "Private app tokens of HubSpot: `pat-`, the region and a UUID, described in its documentation.",
        expression: r"pat-(?:na|eu|ap)[0-9]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        masked: &[
            concat!("pat-", "na1-fbc2a193-76bf-4dd2-ae49-682ff3c2539b"),
            concat!("pat-", "eu1-30272477-08d4-4cc2-a78d-2fb9f18fa259"),
        ],
        unmasked: &["pat-na1-", concat!("pat-", "na1-11a0f16f4a4f5086f44e")],
    },
    TableRule {
        id: "intercom-token",
        reason: "Access tokens of Intercom: 60 characters of base64 that begin with `dG9rO`, the encoding of \
                 `tok:`, described in its documentation.",
        expression: r"dG9rO[A-Za-z0-9+/]{50,56}={0,2}",
        masked: &[concat!("dG9rO", "7Beh6kmd2dnfm+MZE5fuy8Pk2Frbsg8qse6Vyn+VbqkugUMb/+rW3s=")],
        unmasked: &["dG9rO", concat!("dG9rO", "o8f2VGVfQHj5mZFKPkLPIObiDfWmpI")],
    },
    TableRule {
        id: "zoho-token",
        reason: "OAuth tokens of Zoho: `1000.` and two groups of 32 hexadecimal digits, described in its \
                 documentation.",
        expression: r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}",
        masked: &[concat!("1000", ".247b89e22c721683c187cce8e7d7214d.750d308a1905ce7faba3b2c963a6f202")],
        unmasked: &["1000.0", concat!("1000", ".4fb289ffb9560edbcee2a850f1b7f278")],
    },
    TableRule {
        id: "postman-api-key",
        reason: "API keys of Postman: `PMAK-`, 24 hexadecimal digits, a hyphen and 34 more, described in its \
                 documentation.",
        expression: r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
        masked: &[concat!("PMAK", "-c2a337694d0a3e13985913cd-39506fdc154a4909cccc4baa86c99d9c80")],
        unmasked: &["PMAK-", concat!("PMAK", "-5b62767ed0951b9acb9a675d")],
    },
    TableRule {
        id: "postman-collection-key",
        reason: "Access keys of Postman collections: `PMAT-` and 26 capital letters and digits, as the service \
                 creates them.",
        expression: r"PMAT-[A-Z0-9]{26}",
        masked: &[concat!("PMAT", "-01MDPLHBR0VIX41JRGRZVAC9XO")],
        unmasked: &["PMAT-", concat!("PMAT", "-OA30R6GORQATLWW7Z28L")],
    },
    TableRule {
        id: "retool-api-token",
        reason: "API tokens of Retool: `retool_01` and 24 lower-case letters and digits, as the service creates \
                 them.",
        expression: r"retool_01[a-z0-9]{24}",
        masked: &[concat!("retool", "_010lorghtg8et26py23br50cjz")],
        unmasked: &["retool_01", concat!("retool", "_01n3cxfnvpk91k")],
    },
    TableRule {
        id: "zapier-webhook",
        reason: "Webhooks of Zapier: the account and a secret in the URL of the hook, described in Zapier's \
                 documentation.",
        expression: r"hooks\.zapier\.com/hooks/catch/(?P<secret>[0-9]{4,10}/[A-Za-z0-9]{5,10})",
        masked: &[concat!("https://hooks.zapier", ".com/hooks/catch/2938452/fwdlb0k/")],
        unmasked: &["https://hooks.zapier.com/hooks/catch/", "hooks.zapier.com/hooks/catch/6518825/"],
    },
    TableRule {
        id: "make-webhook",
        reason: "Webhooks of Make: 32 lower-case letters and digits on a host of the region, described in Make's \
                 documentation.",
        expression: r"hook\.(?:eu|us)[12]\.make\.com/(?P<secret>[a-z0-9]{32})",
        masked: &[concat!("https://hook.eu2.make", ".com/6bknt5tkr6ascyl09hpmec7rylcdf6tl")],
        unmasked: &["https://hook.eu2.make.com/", "hook.us1.make.com/uo1rvevdum4a151tdh0d"],
    },
    TableRule {
        id: "ifttt-webhook-key",
        reason: "Webhook keys of IFTTT: 22 or more characters in the URL of a trigger, described in its \
                 documentation.",
        expression: concat!(
            r"maker\.ifttt\.com/trigger/[A-Za-z0-9_-]{1,64}/(?:json/)?with/key/(?P<secret>[A-Za-z0-9_-]{22,64}",
            r")",
        ),
        masked: &[concat!("https://maker.ifttt", ".com/trigger/job_done/with/key/K2gCeKVpFpuikTXVtISgLG")],
        unmasked: &["https://maker.ifttt.com/trigger/job_done/with/key/", "maker.ifttt.com/trigger/job/with/key/short"],
    },
    TableRule {
        id: "adafruit-io-key",
        reason: "Keys of Adafruit IO: `aio_` and 28 letters and digits, described in its documentation.",
        expression: r"aio_[A-Za-z0-9]{28}",
        masked: &[concat!("aio_", "nvuXDT9ZYWhT8KEarH4mCBtYJXGS")],
        unmasked: &[
            concat!("aio_", "AxTnNeZefEgwI2gEQ9vgqmci1Pr"),
            "aio_read",
            concat!("aio_", "pKwukJDD7edfU9Vygj7XkoOYjDTvSZ"),
        ],
    },
];
