//! H.225.0 RAS: what endpoints and gatekeepers say to each other.
use super::per::Addition::{End, Kept, Skipped};
use super::per::{Choice, Field, Sequence, end, growing, growing_choice, optional_end};
use super::schema::{
    CALL_MODEL, CALL_TYPE, ENDPOINT_TYPE, VENDOR, address, addresses, aliases, boolean, identifier, long,
    non_standard, one_of, sequence, wide, word,
};

const fn number() -> Field {
    word("requestSeqNum")
}

static GATEKEEPER_REQUEST: Sequence = growing(
    &[
        number(),
        identifier("protocolIdentifier"),
        non_standard(),
        address("rasAddress"),
        end("endpointType"),
        optional_end("gatekeeperIdentifier"),
        optional_end("callServices"),
        optional_end("endpointAlias"),
    ],
    &[End],
);
static GATEKEEPER_CONFIRM: Sequence = growing(
    &[
        number(),
        identifier("protocolIdentifier"),
        non_standard(),
        wide("gatekeeperIdentifier").optional(),
        address("rasAddress"),
    ],
    &[End],
);
static REGISTRATION_REQUEST: Sequence = growing(
    &[
        number(),
        identifier("protocolIdentifier"),
        non_standard(),
        boolean("discoveryComplete"),
        addresses("callSignalAddress"),
        addresses("rasAddress"),
        sequence("terminalType", &ENDPOINT_TYPE),
        aliases("terminalAlias").optional(),
        wide("gatekeeperIdentifier").optional(),
        sequence("endpointVendor", &VENDOR),
    ],
    // alternateEndpoints; behind: tokens and all others.
    &[Skipped(1), Kept(long("timeToLive", 1).kept()), End],
);
static REGISTRATION_CONFIRM: Sequence = growing(
    &[
        number(),
        identifier("protocolIdentifier"),
        non_standard(),
        addresses("callSignalAddress"),
        aliases("terminalAlias").optional(),
        wide("gatekeeperIdentifier").optional(),
        wide("endpointIdentifier"),
    ],
    // alternateGatekeeper
    &[Skipped(1), Kept(long("timeToLive", 1).kept()), End],
);
static UNREGISTRATION_REQUEST: Sequence = growing(
    &[
        number(),
        addresses("callSignalAddress"),
        optional_end("endpointAlias"),
        optional_end("nonStandardData"),
        optional_end("endpointIdentifier"),
    ],
    &[End],
);
static ADMISSION_REQUEST: Sequence = growing(
    &[
        number(),
        one_of("callType", &CALL_TYPE),
        one_of("callModel", &CALL_MODEL).optional(),
        wide("endpointIdentifier"),
        aliases("destinationInfo").optional(),
        address("destCallSignalAddress").optional(),
        aliases("destExtraCallInfo").optional(),
        aliases("srcInfo"),
        address("srcCallSignalAddress").optional(),
        end("bandWidth"),
        end("callReferenceValue"),
        optional_end("nonStandardData"),
        optional_end("callServices"),
        end("conferenceID"),
        end("activeMC"),
        end("answerCall"),
    ],
    &[End],
);
static ADMISSION_CONFIRM: Sequence = growing(
    &[
        number(),
        long("bandWidth", 0),
        one_of("callModel", &CALL_MODEL),
        address("destCallSignalAddress"),
        optional_end("irrFrequency"),
        optional_end("nonStandardData"),
    ],
    &[End],
);
static LOCATION_REQUEST: Sequence = growing(
    &[
        number(),
        wide("endpointIdentifier").optional(),
        aliases("destinationInfo"),
        non_standard(),
        address("replyAddress"),
    ],
    &[End],
);
static LOCATION_CONFIRM: Sequence = growing(
    &[number(), address("callSignalAddress"), address("rasAddress"), optional_end("nonStandardData")],
    &[End],
);
static INFORMATION: Sequence = growing(
    &[
        non_standard(),
        number(),
        sequence("endpointType", &ENDPOINT_TYPE),
        wide("endpointIdentifier"),
        address("rasAddress"),
        addresses("callSignalAddress"),
        optional_end("endpointAlias"),
        optional_end("perCallInfo"),
    ],
    &[End],
);
static MESSAGES: Choice = growing_choice(
    &[
        sequence("gatekeeperRequest", &GATEKEEPER_REQUEST).kept(),
        sequence("gatekeeperConfirm", &GATEKEEPER_CONFIRM).kept(),
        end("gatekeeperReject"),
        sequence("registrationRequest", &REGISTRATION_REQUEST).kept(),
        sequence("registrationConfirm", &REGISTRATION_CONFIRM).kept(),
        end("registrationReject"),
        sequence("unregistrationRequest", &UNREGISTRATION_REQUEST).kept(),
        end("unregistrationConfirm"),
        end("unregistrationReject"),
        sequence("admissionRequest", &ADMISSION_REQUEST).kept(),
        sequence("admissionConfirm", &ADMISSION_CONFIRM).kept(),
        end("admissionReject"),
        end("bandwidthRequest"),
        end("bandwidthConfirm"),
        end("bandwidthReject"),
        end("disengageRequest"),
        end("disengageConfirm"),
        end("disengageReject"),
        sequence("locationRequest", &LOCATION_REQUEST).kept(),
        sequence("locationConfirm", &LOCATION_CONFIRM).kept(),
        end("locationReject"),
        end("infoRequest"),
        sequence("infoRequestResponse", &INFORMATION).kept(),
        end("nonStandardMessage"),
    ],
    // Any addition ends the message: it is none that anybody here answers.
    &[],
);

/// A message of RAS.
pub(super) static RAS_MESSAGE: Field = one_of("RasMessage", &MESSAGES).kept();
