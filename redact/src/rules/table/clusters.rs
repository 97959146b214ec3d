//! Secrets of container orchestrators, such as Kubernetes, and of web frameworks, such as Django.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "kubernetes-bootstrap-token",
        reason: "Bootstrap tokens of Kubernetes: six lower-case letters and digits, a dot and 16 more after \
                 `--token` on the line that `kubeadm` prints, described in the Kubernetes documentation.",
        expression: r"--token[ =](?P<secret>[a-z0-9]{6}\.[a-z0-9]{16})",
        masked: &[concat!(
            "kubeadm join 10.0.0.1:6443 --to",
            "ken dj37og.h7n19012d4k4wc1c --discovery-token-ca-cert-hash"
        )],
        unmasked: &["--token abcdef", "--token 91f7ff.xjgek7brklo4", "--token-ttl 24h"],
    },
    TableRule {
        id: "docker-swarm-token",
        reason: "Join tokens of Docker Swarm: `SWMTKN-1-`, a digest of 50 characters in base36 and a secret of \
                 25, described in Docker's documentation.",
        expression: r"SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}",
        masked: &[concat!("SWMTKN", "-1-n0zjukykz0wr37q6ag7phsq9keqolget9poev1v2apt04kfo84-v2u9ewkpyi4pnxgxyln9xlmgt")],
        unmasked: &["SWMTKN-1-", concat!("SWMTKN", "-1-903uhzcpugreqzexl9tcjsgvnzab7t40tikgi3gtrfgbpqoc4n")],
    },
    TableRule {
        id: "docker-swarm-unlock-key",
        reason: "Unlock keys of Docker Swarm: `SWMKEY-1-` and 32 bytes of base64, described in Docker's \
                 documentation.",
        expression: r"SWMKEY-1-[A-Za-z0-9+/]{43}",
        masked: &[concat!("SWMKEY", "-1-yDD1/lL0U1EDDCU/KOd9mACFYFh73hTFWGXUQ0iTws6")],
        unmasked: &["SWMKEY-1-", concat!("SWMKEY", "-1-DO/CtD4YgMOeY+bBFeDg")],
    },
    TableRule {
        id: "k3s-token",
        reason: "Tokens of K3s: `K10`, the SHA-256 digest of the CA, `::` and a user with a password, described \
                 in the K3s documentation.",
        expression: r"K10[0-9a-f]{64}::(?:[a-z]{1,16}:)?[A-Za-z0-9.]{16,128}",
        masked: &[concat!(
            "K10",
            "2f821f1f760823d0aacc4767d77d280c807ea918654c98d191741e8ac0190bd8::server:88aac871744473a",
            "1f4436b85b1bbea26",
        )],
        unmasked: &[
            concat!("K10", "4ee431d71c5582dd30787f09ff1aa911b6c9d389d27f19068c4cce515110d1b4"),
            "K10::server:token",
        ],
    },
    TableRule {
        id: "rancher-api-token",
        reason: "API tokens of Rancher: `token-`, an ID of five characters, a colon and 54 lower-case letters and \
                 digits, described in Rancher's documentation.",
        expression: r"(?:token|kubeconfig-u|kubeconfig-user)-[a-z0-9]{5,16}:[a-z0-9]{54}",
        masked: &[
            concat!("token-", "rh1q7:4gsjlldd5cj2o5ermei8h1onfr4xonvjnxcy7tmce61fymhf1vpffn"),
            concat!("kubeconfig-user", "-5c54nqimh4:zr2xsk0goqvge8l7ofeysz46crzyfg12fzycffm4dl4sfukgwune5j"),
        ],
        unmasked: &["token-abcde:", concat!("token-", "94y5p:i8xe6358dyxxj9yeua7wl5tzd9d8qaa80pvlg59u")],
    },
    TableRule {
        id: "openshift-token",
        reason: "OAuth tokens of OpenShift: `sha256~` and 43 characters, described in OpenShift's documentation.",
        expression: r"sha256~[A-Za-z0-9_-]{43}",
        masked: &[concat!("sha256~", "lUUG1CCdutjY4rSUEXL1zli0zmPhB-ugggdrd5wHF2x")],
        unmasked: &[
            "sha256~",
            "sha256:d15bb1ba9833fd840b193e5b61a5476955418c2449461c3ec43aa5f1e6f6c475",
            concat!("sha256~", "Up_CwQH1NLB2Hvuav2RX"),
        ],
    },
    TableRule {
        id: "laravel-app-key",
        reason: "Application keys of Laravel: 32 bytes of base64 after `APP_KEY=base64:`, described in Laravel's \
                 documentation.",
        expression: r"APP_KEY=base64:(?P<secret>[A-Za-z0-9+/]{43}=)",
        masked: &[concat!("APP_KEY=ba", "se64:lkVvoOVfAPgBkpwGt83rG7UZS34drW8zEwDPuewkhls=")],
        unmasked: &["APP_KEY=base64:", "APP_KEY=base64:bJPQYbMjHWfb8GuPkoOb="],
    },
    TableRule {
        id: "django-secret-key",
        reason: "Secret keys that Django generates for new projects: `django-insecure-` and 50 characters, as its \
                 source code creates them.",
        expression: r"django-insecure-[a-z0-9!@#$%^&*(_=+)-]{50}",
        masked: &[concat!("django-insecure", "-g17b2vircp3ftuw09t07#^&+ymgyti7zfg7bzuo6xlti0lvowg")],
        unmasked: &["django-insecure-", concat!("django-insecure", "-jef9qel43fsy7o1e5s1cn6mb9zykrh")],
    },
    TableRule {
        id: "rails-master-key",
        reason: "Master keys of Ruby on Rails: 32 hexadecimal digits in the variable that Rails reads, described \
                 in the Rails guides.",
        expression: r#"RAILS_MASTER_KEY["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>[0-9a-f]{32})"#,
        masked: &[concat!("RAILS_MASTER", "_KEY=3c0ee6967aa3e560a3dd7a5b1e625b38")],
        unmasked: &["RAILS_MASTER_KEY=", "RAILS_MASTER_KEY=2932023994899768ded629787cce5af"],
    },
];
