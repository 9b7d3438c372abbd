//! H.225.0 call signalling: what stands in the user-to-user element of Q.931.
use super::per::Addition::{End, Kept, Skipped};
use super::per::{Choice, Field, Kind, Length, Sequence, growing, growing_choice, optional_end, plain};
use super::schema::{
    ALIAS, CALL_TYPE, CONTROL_MESSAGE, ENDPOINT_TYPE, NON_STANDARD, OPEN_LOGICAL_CHANNEL, address, aliases,
    any_number, bit_string, boolean, identifier, kept_list, list, long, non_standard, null, octets, one_of,
    sequence, short_octets, string, unread, wide, word,
};

static FAST_START_ITEM: Field = sequence("item", &OPEN_LOGICAL_CHANNEL).kept().open();
static CRV_ITEM: Field = word("item");

const fn fast_start() -> Field {
    kept_list("fastStart", &FAST_START_ITEM, 30)
}

static CONFERENCE_GOAL: Choice = growing_choice(&[null("create"), null("join"), null("invite")], &[]);
static Q954: Sequence = growing(&[boolean("conferenceCalling"), boolean("threePartyService")], &[]);
static CALL_SERVICES: Sequence = growing(
    &[
        boolean("q932Full"),
        boolean("q951Full"),
        boolean("q952Full"),
        boolean("q953Full"),
        boolean("q955Full"),
        boolean("q956Full"),
        boolean("q957Full"),
        sequence("q954Info", &Q954),
    ],
    &[],
);
static SETUP: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        address("h245Address").optional(),
        aliases("sourceAddress").optional(),
        sequence("sourceInfo", &ENDPOINT_TYPE),
        aliases("destinationAddress").optional(),
        address("destCallSignalAddress").optional(),
        aliases("destExtraCallInfo").optional(),
        list("destExtraCRV", &CRV_ITEM).optional(),
        boolean("activeMC"),
        octets("conferenceID", 16),
        one_of("conferenceGoal", &CONFERENCE_GOAL),
        sequence("callServices", &CALL_SERVICES).optional(),
        one_of("callType", &CALL_TYPE),
    ],
    &[
        Kept(address("sourceCallSignalAddress")),
        // remoteExtensionAddress, callIdentifier, h245SecurityCapability, tokens, cryptoTokens
        Skipped(5),
        Kept(fast_start()),
        // mediaWaitForConnect, canOverlapSend
        Skipped(2),
        End,
    ],
);
static CALL_PROCEEDING: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        sequence("destinationInfo", &ENDPOINT_TYPE),
        address("h245Address").optional(),
    ],
    // callIdentifier, h245SecurityMode, tokens, cryptoTokens; behind: multipleCalls and three more.
    &[Skipped(4), Kept(fast_start()), Skipped(4)],
);
static CONNECT: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        address("h245Address").optional(),
        sequence("destinationInfo", &ENDPOINT_TYPE),
        octets("conferenceID", 16),
    ],
    &[Skipped(4), Kept(fast_start()), Skipped(10)],
);
static ALERTING: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        sequence("destinationInfo", &ENDPOINT_TYPE),
        address("h245Address").optional(),
    ],
    &[Skipped(4), Kept(fast_start()), Skipped(9)],
);
static INFORMATION: Sequence = growing(&[identifier("protocolIdentifier")], &[Skipped(6)]);
static RELEASE_REASON: Choice = growing_choice(
    &[
        null("noBandwidth"),
        null("gatekeeperResources"),
        null("unreachableDestination"),
        null("destinationRejection"),
        null("invalidRevision"),
        null("noPermission"),
        null("unreachableGatekeeper"),
        null("gatewayResources"),
        null("badFormatAddress"),
        null("adaptiveBusy"),
        null("inConf"),
        null("undefinedReason"),
    ],
    &[],
);
static RELEASE_COMPLETE: Sequence =
    growing(&[identifier("protocolIdentifier"), one_of("reason", &RELEASE_REASON).optional()], &[Skipped(9)]);
static FACILITY_REASON: Choice = growing_choice(
    &[null("routeCallToGatekeeper"), null("callForwarded"), null("routeCallToMC"), null("undefinedReason")],
    &[],
);
static FACILITY: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        address("alternativeAddress").optional(),
        aliases("alternativeAliasAddress").optional(),
        octets("conferenceID", 16).optional(),
        one_of("reason", &FACILITY_REASON).kept(),
    ],
    // callIdentifier, destExtraCallInfo, remoteExtensionAddress, tokens, cryptoTokens, conferences
    &[Skipped(6), Kept(address("h245Address")), Kept(fast_start()), Skipped(8)],
);

static CALL_IDENTIFIER: Sequence = growing(&[octets("guid", 16)], &[]);
static SECURITY_MODE: Choice =
    growing_choice(&[sequence("nonStandard", &NON_STANDARD), null("none"), null("default")], &[]);
static SECURITY: Sequence = growing(
    &[
        non_standard(),
        one_of("encryption", &SECURITY_MODE),
        one_of("authenticaton", &SECURITY_MODE),
        one_of("integrity", &SECURITY_MODE),
    ],
    &[],
);
static H245_SECURITY: Choice = growing_choice(
    &[
        sequence("nonStandard", &NON_STANDARD),
        null("noSecurity"),
        sequence("tls", &SECURITY),
        sequence("ipsec", &SECURITY),
    ],
    &[],
);
static DH_SET: Sequence = growing(
    &[
        bit_string("halfkey", Length::Word),
        bit_string("modSize", Length::Word),
        bit_string("generator", Length::Word),
    ],
    &[],
);
static CERTIFICATE: Sequence = growing(&[identifier("type"), string("certificate")], &[]);
static H235_NON_STANDARD: Sequence = plain(&[identifier("nonStandardIdentifier"), string("data")]);
static CLEAR_TOKEN: Sequence = growing(
    &[
        identifier("tokenOID"),
        long("timeStamp", 1).optional(),
        wide("password").optional(),
        sequence("dhkey", &DH_SET).optional(),
        short_octets("challenge", 7, 8).optional(),
        any_number("random").optional(),
        sequence("certificate", &CERTIFICATE).optional(),
        wide("generalID").optional(),
        sequence("nonStandard", &H235_NON_STANDARD).optional(),
    ],
    &[Skipped(2)],
);
static CLEAR_TOKEN_ITEM: Field = sequence("item", &CLEAR_TOKEN);
static PARAMETERS: Sequence =
    growing(&[any_number("ranInt").optional(), octets("iv8", 8).optional()], &[Skipped(1)]);

const fn algorithm() -> Field {
    identifier("algorithmOID")
}

const fn parameters() -> Field {
    sequence("paramS", &PARAMETERS)
}

const fn signature(name: &'static str) -> Field {
    bit_string(name, Length::Any)
}

const fn to_be_signed() -> Field {
    unread("toBeSigned").open()
}

static HASHED: Sequence = plain(&[algorithm(), parameters(), signature("hash")]);
static ENCRYPTED: Sequence = plain(&[algorithm(), parameters(), string("encryptedData")]);
static SIGNED: Sequence = plain(&[to_be_signed(), algorithm(), parameters(), signature("signature")]);
static ENDPOINT_HASH: Sequence =
    plain(&[one_of("alias", &ALIAS), long("timeStamp", 1), sequence("token", &HASHED)]);
static GATEKEEPER_HASH: Sequence =
    plain(&[wide("gatekeeperId"), long("timeStamp", 1), sequence("token", &HASHED)]);
static NESTED_ENCRYPTED: Sequence = plain(&[identifier("tokenOID"), sequence("token", &ENCRYPTED)]);
static NESTED_SIGNED: Sequence = plain(&[identifier("tokenOID"), sequence("token", &SIGNED)]);
static NESTED_HASHED: Sequence =
    plain(&[identifier("tokenOID"), sequence("hashedVals", &CLEAR_TOKEN), sequence("token", &HASHED)]);
static NESTED_TOKEN: Choice = growing_choice(
    &[
        sequence("cryptoEncryptedToken", &NESTED_ENCRYPTED),
        sequence("cryptoSignedToken", &NESTED_SIGNED),
        sequence("cryptoHashedToken", &NESTED_HASHED),
        sequence("cryptoPwdEncr", &ENCRYPTED),
    ],
    &[],
);
static CRYPTO_TOKEN: Choice = growing_choice(
    &[
        sequence("cryptoEPPwdHash", &ENDPOINT_HASH),
        sequence("cryptoGKPwdHash", &GATEKEEPER_HASH),
        sequence("cryptoEPPwdEncr", &ENCRYPTED),
        sequence("cryptoGKPwdEncr", &ENCRYPTED),
        sequence("cryptoEPCert", &SIGNED),
        sequence("cryptoGKCert", &SIGNED),
        sequence("cryptoFastStart", &SIGNED),
        one_of("nestedcryptoToken", &NESTED_TOKEN),
    ],
    &[],
);
static CRYPTO_TOKEN_ITEM: Field = one_of("item", &CRYPTO_TOKEN);
static PROGRESS: Sequence = growing(
    &[
        identifier("protocolIdentifier"),
        sequence("destinationInfo", &ENDPOINT_TYPE),
        address("h245Address").optional(),
        sequence("callIdentifier", &CALL_IDENTIFIER),
        one_of("h245SecurityMode", &H245_SECURITY).optional(),
        list("tokens", &CLEAR_TOKEN_ITEM).optional(),
        list("cryptoTokens", &CRYPTO_TOKEN_ITEM).optional(),
        fast_start().optional(),
    ],
    // multipleCalls, maintainConnection, fastConnectRefused
    &[Skipped(3)],
);
static MESSAGE_BODY: Choice = growing_choice(
    &[
        sequence("setup", &SETUP).kept(),
        sequence("callProceeding", &CALL_PROCEEDING).kept(),
        sequence("connect", &CONNECT).kept(),
        sequence("alerting", &ALERTING).kept(),
        sequence("information", &INFORMATION),
        sequence("releaseComplete", &RELEASE_COMPLETE),
        sequence("facility", &FACILITY).kept(),
    ],
    &[sequence("progress", &PROGRESS).kept()],
);
static CONTROL_ITEM: Field = CONTROL_MESSAGE.open();
static PDU: Sequence = growing(
    &[one_of("h323-message-body", &MESSAGE_BODY).kept(), non_standard()],
    // h4501SupplementaryService, h245Tunneling
    &[Skipped(2), Kept(kept_list("h245Control", &CONTROL_ITEM, 4)), End],
);
static USER_INFORMATION: Sequence =
    growing(&[sequence("h323-uu-pdu", &PDU).kept(), optional_end("user-data")], &[]);

/// What the user-to-user element holds.
pub(super) static USER_MESSAGE: Field =
    Field::new("H323-UserInformation", Kind::Sequence(&USER_INFORMATION)).kept();
