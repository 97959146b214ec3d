//! Keys and signatures of Microsoft Azure.

use super::TableRule;

/// The rules of this file, one for each format of secret.
pub(super) const RULES: &[TableRule] = &[
    TableRule {
        id: "azure-storage-key",
        reason: "Account keys of Azure Storage and Cosmos DB: 64 bytes of base64 in a connection string, \
                 described in the Azure documentation.",
        expression: r"(?:AccountKey|accountkey)=(?P<secret>[A-Za-z0-9+/]{86}==)",
        masked: &[concat!(
            "DefaultEndpointsProtocol=https;AccountName=example;Account",
            "Key=goh5LuitMMduKwTOtnadgDQlTDflJmNKeDLhoXEu3y2rddcUck/sEMBZN8dega6q1kkeeQpjgVO9bCSsLpgd",
            "wO==;EndpointSuffix=core.windows.net",
        )],
        unmasked: &[
            "AccountName=example;AccountKey=;EndpointSuffix=core.windows.net",
            "AccountKey=olyNEBDMJ5ETK6lWEIz3oAJjr27TMhp/yXkwdjOIwNm/6OAsrErPq9J8T0Kj==",
        ],
    },
    TableRule {
        id: "azure-shared-access-key",
        reason: "Shared access keys of Azure Service Bus, Event Hubs and IoT Hub: 32 bytes of base64 in a \
                 connection string, described in the Azure documentation.",
        expression: r"SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{43}=)",
        masked: &[concat!(
            "Endpoint=sb://example.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccess",
            "Key=UnGoJyhQRQwn4codHdw2U8RK0QPHmKt3xqRBRM6M912=",
        )],
        unmasked: &["SharedAccessKeyName=RootManageSharedAccessKey", "SharedAccessKey=TgOhKzB0ZVmAY0I2YtAH="],
    },
    TableRule {
        id: "azure-shared-access-signature",
        reason: "Shared access signatures of Azure: the parameter `sig` with an HMAC-SHA256 of 32 bytes as \
                 URL-encoded base64, described in the Azure documentation.",
        expression: r"sig=(?P<secret>(?:[A-Za-z0-9]|%2[BbFf]){43}%3[Dd])",
        masked: &[concat!(
            "?sv=2024-11-04&ss=b&srt=o&sp=r&se=2027-01-01&s",
            "ig=ercG2lQAjCbS4vapF32y%2BQDkArD9KdJdNbIj4rVg9kB%3D",
        )],
        unmasked: &[
            "sig=1234567890",
            "?sig=ad589bd83a68ac3f43ee2a496751bbef8ecfaa36463",
            "sig=2YMmDtGx1aKu9EkjfeqRSHAYOCAJnM%3D",
        ],
    },
    TableRule {
        id: "azure-workflow-signature",
        reason: "Signatures in the trigger URLs of Azure Logic Apps and Power Automate: 43 characters of base64 \
                 after `sv=1.0&sig=`, described in their documentation.",
        expression: r"sv=1\.0&sig=(?P<secret>[A-Za-z0-9_-]{43})",
        masked: &[concat!(
            "/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.",
            "0&s",
            "ig=iSuOK00Kd0Oac-DMevrlBbOFIAxMm607eDgTSFBIfsu",
        )],
        unmasked: &["sv=1.0&sig=short", "sv=1.0&sig=vtTiPswgUWH8B70yksUkFnCCiVIcFearqOiFlqB77L"],
    },
    TableRule {
        id: "azure-client-secret",
        reason: "Client secrets of Entra ID: 40 characters with `Q~` after the fourth, in the variables of the \
                 Azure SDKs and of Terraform.",
        expression: concat!(
            r#"(?:AZURE_CLIENT_SECRET|ARM_CLIENT_SECRET)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?P<secret>"#,
            r"[A-Za-z0-9~._-]{3}[0-9]Q~[A-Za-z0-9~._-]{31,34})",
        ),
        masked: &[concat!("AZURE_CLIENT", "_SECRET=xgf8Q~zO7n5WAqTfT5ymywPUVXwLfw_ypDxdnKLV")],
        unmasked: &["AZURE_CLIENT_SECRET=", "ARM_CLIENT_SECRET=40c46e1e-46b4-4db2-a9ee-c93eb866c126"],
    },
];
