//! Keys and tokens of AWS, and tokens of Login with Amazon.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "aws-access-key-id",
        reason: "Access keys of AWS: `AKIA` (or `ASIA` for temporary keys) and 16 characters of base32, described \
                 in the IAM reference of identifiers.",
        expression: r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
        masked: &[concat!("AKIA", "MP5XR5FIMHOWEWGF"), concat!("aws_access_key_id = ASIA", "3IX6RY3YUZBW3B6L")],
        unmasked: &[
            concat!("AKIA", "GO6A5J4JHFOCDDS"),
            concat!("AKIA", "MWVGANS274HE7K2K5"),
            "ASIA_PACIFIC_REGION_NAME",
            concat!("AKIA", "3f73f947874b6ba0"),
        ],
    },
    TableRule {
        id: "aws-secret-access-key",
        reason: "Secret access keys of AWS: 40 characters of base64 after the name that the AWS CLI and SDKs give \
                 the key.",
        expression: concat!(
            r#"(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY|SecretAccessKey|secretAccessKey)["']?[ \t]{0,4}"#,
            r#"[:=][ \t]{0,4}["']?(?P<secret>[A-Za-z0-9+/]{40})"#,
        ),
        masked: &[
            concat!("AWS_SECRET_ACCESS", "_KEY=Vh4iAn1dDhhryCOawAVjCMCpLUNk8XYf5Ne5QBmU"),
            concat!("\"SecretAccess", "Key\": \"v/sIrSX3j0wXDzj3WBA3l5jojV8pIh1DmmCHdcXb\""),
        ],
        unmasked: &[
            "AWS_SECRET_ACCESS_KEY=",
            "aws_secret_access_key = X0ur8nvtitv1bHc2uyM0pBZ26Jaa6cgUZepodsk",
            "AWS_SECRET_ACCESS_KEY=ImosfvIJd4zQ1qQJZCbidnlOmfmlcHKe0a8MLp+c9",
        ],
    },
    TableRule {
        id: "aws-session-token",
        reason: "Session tokens of AWS STS: base64 that begins with `IQoJb3JpZ2luX2Vj`, the encoding of \
                 `origin_ec`, and has several hundred characters.",
        expression: r"IQoJb3JpZ2luX2Vj[A-Za-z0-9+/]{100,1024}[A-Za-z0-9+/]{0,1024}={0,2}",
        masked: &[concat!(
            "IQoJ",
            "b3JpZ2luX2VjweMEn8TlGPmVLXKynxjPl6u9fH1FX/Bu3P/S71UrdctnV62+uIauPhZcjmmZ3/FtyXfoDT1noEfx",
            "BOoi4VplUnN/pemOPCkFYAtzOvIpDqunySsRVmYG0olF==",
        )],
        unmasked: &[
            concat!("IQoJ", "b3JpZ2luX2Vj"),
            concat!("IQoJ", "b3JpZ2luX2VjVzOqx6RidfUga6FFSAGqgxY+P/Un5JUfeGLbmHlu"),
        ],
    },
    TableRule {
        id: "aws-bedrock-key",
        reason: "API keys of Amazon Bedrock: `ABSK` and base64 that encodes the name and the secret of the key, \
                 as the service creates them.",
        expression: r"ABSK[A-Za-z0-9+/]{109,269}={0,2}",
        masked: &[concat!(
            "ABSK",
            "ZoR3baHL/vzxbEh8/4zanIsMVWuKC2wVPmi02k6S/TaNvYnKuWW02JoSYPDSIIYnb0DQtX4OaWmCyCpgbfI10T1l",
            "Kf9xcf9yQe3aWfde3qwgf91HqUm2V1EC/82+MtWm=",
        )],
        unmasked: &[concat!("ABSK", "aW/L8hDQSjS6Tjmzb+JMosEWEsRKp8Ev0EV9ZwFi"), "ABSK_KEY_IN_THE_ENVIRONMENT"],
    },
    TableRule {
        id: "aws-bedrock-short-term-key",
        reason: "Short-term API keys of Amazon Bedrock: `bedrock-api-key-` and a presigned request in base64, as \
                 the service creates them.",
        expression: r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=]{64,1024}[A-Za-z0-9+/=]{0,1024}",
        masked: &[concat!(
            "bedrock-api",
            "-key-YmVkcm9jay5hbWF6b25hd3MuY29tNOra4bSI+Orfjc4kK8Xs+fwGWtyt31jLv78jShPVvr9DzvujB/6IeLC",
            "Hm7iAY/zlqySmWaRR6qvvTIdT",
        )],
        unmasked: &[
            concat!("bedrock-api", "-key-for-the-staging-environment"),
            concat!("bedrock-api", "-key-Go+bAPxena6WhXU/MIdzizpusOckq3c0e7bH/YZwookU/GpQsuiJcaRfFJzx"),
        ],
    },
    TableRule {
        id: "amazon-refresh-token",
        reason: "Tokens of Login with Amazon: `Atza|` or `Atzr|` and several hundred characters, described in its \
                 developer guide.",
        expression: r"(?:Atza|Atzr)\|[A-Za-z0-9_+/-]{150,1024}={0,2}",
        masked: &[concat!(
            "Atzr",
            "|IwEBO_5Tc2zlPed-oFPmtOC9H8h8_GrvfIwmDg7uXxUYoGK_qdwE21BI0BcgyXhar8T0U0X8EPQZVe2JTvLL_rI",
            "k5A8t92XvgHxbUrDW0fc-5XhtD2GcBj7DDnzTmhNUd_EGfzncyGaNB3AGz7lniAy7rPaAoJYi5tCl",
        )],
        unmasked: &[
            concat!("Atzr", "|IwEBjd29yu38_JE8Nz2jB21U3Ad1QGnvnsutQ5K2RvJh"),
            "Atza| is the prefix of access tokens",
        ],
    },
];
