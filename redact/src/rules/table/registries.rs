//! Tokens of package registries and container registries.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "npm-token",
        reason: "Access tokens of npm: `npm_` and 36 letters and digits, the last six a CRC-32 checksum, \
                 described in GitHub's announcement of npm's token format.",
        expression: r"npm_[A-Za-z0-9]{36}",
        masked: &[concat!("npm", "_ie2YhzIzczG8eNnfOULI7dTDBUemhkjySOF4")],
        unmasked: &[
            "npm_config_cache",
            concat!("npm", "_RYrF0Y5plAZ0jqpBOlLFiLi42UhCdVLOJBC"),
            concat!("npm", "_GiNC9LR03q5LOm3hRh4JOz1hzjLenFVvhVcrH"),
            "npm_lifecycle_event=postinstall",
        ],
    },
    TableRule {
        id: "npm-auth-token",
        reason: "Legacy access tokens of npm: a UUID after `_authToken=` in an `.npmrc` file, described in npm's \
                 documentation.",
        expression: r"_authToken=(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        masked: &[concat!("//registry.npmjs.org/:_auth", "Token=e0a11ef5-dfaa-464b-a220-af64e750f844")],
        unmasked: &["//registry.npmjs.org/:_authToken=${NPM_TOKEN}", "_authToken=5008547345d82eca3d35cc5f873a17e4"],
    },
    TableRule {
        id: "pypi-token",
        reason: "API tokens of PyPI and TestPyPI: `pypi-` and a macaroon whose base64 begins with the name of the \
                 site, described in PyPI's documentation.",
        expression: r"pypi-(?:AgEIcHlwaS5vcmc|AgENdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1024}",
        masked: &[
            concat!(
                "pypi",
                "-AgEIcHlwaS5vcmc7QlDh_D4H2ZnR0hwi0tyWcihjZzEXrQ3TKl95cgAaHcFUIPSukvFrCqKRiRrihMnzASafYQR",
                "97fIrB_E665K-BBhPF7bdDK6FYn9Jb8-7ZLVvSNDWwUTzoWUF8Wfydmgi_Zx5ipso8DVwPHjpuaAo8",
            ),
            concat!(
                "pypi",
                "-AgENdGVzdC5weXBpLm9yZwQm1te5bCe3uK3H6Vwa5G0627XYwxW9DfvI9i0CpkxgjON47S3iyhrM60GdRhAH1kv",
                "6Z8aE0rYja1EmjPoytQ7z1YWxqGH56XP25n2c5P3Yu1zlCazJMzROb5R6BfZ2d4kg8ViLMdYiqh",
            ),
        ],
        unmasked: &["pypi-AgEIcHlwaS5vcmc", "pypi-token"],
    },
    TableRule {
        id: "rubygems-api-key",
        reason: "API keys of RubyGems: `rubygems_` and 48 hexadecimal digits, as the service creates them.",
        expression: r"rubygems_[0-9a-f]{48}",
        masked: &[concat!("rubygems", "_948a3c52cf6ad31379e2a6584e4494b0bdb65c453a8b1d0c")],
        unmasked: &[concat!("rubygems", "_f18fc7929663159cabe019948ce12466c212566c"), "rubygems_api_key"],
    },
    TableRule {
        id: "crates-io-token",
        reason: "API tokens of crates.io: `cio` and 32 letters and digits, as the source code of crates.io \
                 creates them.",
        expression: r"cio[A-Za-z0-9]{32}",
        masked: &[concat!("cio", "Eruak1OxW2suJBrwfgICTsdq5DbXP7SG")],
        unmasked: &[
            concat!("cio", "grFKqUtTS2tuPeHnDxUHEQ545RFEa1m"),
            concat!("cio", "6llMRLYnj6BtH10MqAddN0NFRaYmZnth7"),
            "cioppino",
        ],
    },
    TableRule {
        id: "nuget-api-key",
        reason: "API keys of NuGet and of the PowerShell Gallery: `oy2` and 43 lower-case letters and digits, as \
                 nuget.org creates them.",
        expression: r"oy2[a-z0-9]{43}",
        masked: &[concat!("oy2", "ap9kwqj4os7ynvtewzfwpjo6djqdei1yet305wgmv4p")],
        unmasked: &[
            concat!("oy2", "hanfg6fcrlortoz96oofu3adz6paqc5stcgcnpsivr"),
            concat!("oy2", "d5rep9pdomqo6kqik4aafe87ly0otgxwjlw921ine4qb"),
        ],
    },
    TableRule {
        id: "clojars-token",
        reason: "Deploy tokens of Clojars: `CLOJARS_` and 60 hexadecimal digits, described in the Clojars wiki.",
        expression: r"CLOJARS_[0-9a-f]{60}",
        masked: &[concat!("CLOJARS", "_57ce0003ef8f0f4e1cc0d9a7bd8ba8cc8a46a2775fe471b14e3f10aad12f")],
        unmasked: &["CLOJARS_USERNAME=example", concat!("CLOJARS", "_adc91ac42bf28c9327bef844098f359aa1be39b0")],
    },
    TableRule {
        id: "packagist-token",
        reason: "Tokens of Private Packagist: `packagist_`, the kind, 60 hexadecimal digits and a CRC-32 checksum \
                 of eight more, described in its documentation.",
        expression: r"packagist_[a-z]{3}_[0-9a-f]{68}",
        masked: &[
            concat!("packagist", "_ort_f1c56c96d0581d5ba095894c65d0df4957ab8caaaf3fa86291555736b2fabbea91eb"),
            concat!("packagist", "_uut_06fbcdbbc495da44477bd4c2dc018895aeaecae25dac3b50ab00b8d9b75ef396055c"),
        ],
        unmasked: &[
            "packagist_ort_",
            concat!("packagist", "_ort_f262cdceea0e9f68a5611983874130e631e3148b0b3f20a842d3d9bdb471"),
        ],
    },
    TableRule {
        id: "openvsx-token",
        reason: "Access tokens of Open VSX: `ovsxat_` and a UUID, as the source code of Open VSX creates them.",
        expression: r"ovsxat_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        masked: &[concat!("ovsxat", "_eaf03044-36fa-49d9-a3ab-b244f6b60656")],
        unmasked: &["ovsxat_", concat!("ovsxat", "_f24694d774c91723de27d45c9638af7a")],
    },
    TableRule {
        id: "docker-token",
        reason: "Access tokens of Docker Hub: `dckr_pat_` and 27 characters for users or `dckr_oat_` and 32 for \
                 organisations, described in Docker's documentation.",
        expression: r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,36}",
        masked: &[
            concat!("dckr", "_pat_M4-oi3nh-YcIXssNw2i_Jc3ofo7"),
            concat!("dckr", "_oat_rsiZsAPAbPj5ryPwuNDDgcMG_hY6JcsN"),
        ],
        unmasked: &[concat!("dckr", "_pat_V8LP_uubCIpIEDrAUkV4"), "dckr_pat_token"],
    },
    TableRule {
        id: "jfrog-api-key",
        reason: "API keys of JFrog Artifactory: `AKCp` and 69 letters and digits, as the service creates them.",
        expression: r"AKCp[A-Za-z0-9]{69}",
        masked: &[concat!("AKCp", "a5wBEYOGIWUDUW6VcZHpKO0fRFlnIOdp3g9MXo6BjjLzvDnxGxKc4iYkO3qg65qCjQHjy")],
        unmasked: &[
            concat!("AKCp", "AFxBT4pIlWpNCkX4tcGvTLK3P5MiChLw4tOYaDhmN1rqh70c7zklkcLe7aDA"),
            concat!("AKCp", "OSdibfyFoFdkg1VPM0LirLCmoxI6Tnbs56A2c3fuwYZhHVvie1TJ49yAPcI9ITbqfqbSSP"),
        ],
    },
    TableRule {
        id: "jfrog-reference-token",
        reason: "Reference tokens of JFrog: 64 characters of base64 that begin with `cmVmdGtuOj`, the encoding of \
                 `reftkn:`, described in JFrog's documentation.",
        expression: r"cmVmdGtuOj[A-Za-z0-9]{54}",
        masked: &[concat!("cmVm", "dGtuOjkwhHot4lxeZlYoLPEbwknXkcuEK0Y5zfMJayzsXCLR626OoH5jhyId")],
        unmasked: &[concat!("cmVm", "dGtuOjMU3VZiNMkHCMaa3qS2Og0GKIHCNNNvTVRr1Kvxck"), "cmVmdGtu"],
    },
    TableRule {
        id: "modrinth-token",
        reason: "Personal access tokens of Modrinth: `mrp_` and 60 letters and digits, as the source code of \
                 Modrinth creates them.",
        expression: r"mrp_[A-Za-z0-9]{60}",
        masked: &[concat!("mrp_", "MwMc8bvVbPadEnDiHMerJUApmRBD9JSaiHX8pGIrc77eXpwWFww2CjZMMEuL")],
        unmasked: &[concat!("mrp_", "3xr6p8VnoSiRhCOEu0StjgoI9qZaHZoYYCmsxjnJQ9EhmnulNX"), "mrp_token"],
    },
    TableRule {
        id: "deno-token",
        reason: "Access tokens of Deno Deploy: `ddp_` for users or `ddo_` for organisations and 36 letters and \
                 digits, as the service creates them.",
        expression: r"dd[po]_[A-Za-z0-9]{36}",
        masked: &[
            concat!("ddp_", "UGGerf5JC0Nq7O2KJmBfJXCzZmg6KMxFJctB"),
            concat!("ddo_", "1HHPGYPNBlsjfOZc6xk8gZBN4AFCEekVov0M"),
        ],
        unmasked: &[
            concat!("ddp_", "De9EB1GzV3ItUFpGU3K71cteqR6tJYrKTOT"),
            concat!("ddo_", "2bNTPHvTZQQi2N1G8ozSpsNMEfVBXWSUlnSKzQsM"),
            "ddp_read_block",
        ],
    },
    TableRule {
        id: "sidekiq-credential",
        reason: "Credentials of Sidekiq's commercial gems: two groups of eight hexadecimal digits in the variable \
                 that Bundler reads.",
        expression: concat!(
            r#"BUNDLE_(?:ENTERPRISE|GEMS)__CONTRIBSYS__COM["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[0-9a-f]{8}:[0-9a-f]{8})",
        ),
        masked: &[concat!("BUNDLE_ENTERPRISE", "__CONTRIBSYS__COM=5cd57b4b:369ad44b")],
        unmasked: &["BUNDLE_ENTERPRISE__CONTRIBSYS__COM=", "BUNDLE_GEMS__CONTRIBSYS__COM=f86dc18b"],
    },
];
