//! The types of H.225.0 (RAS and call signalling) and H.245 that are read, as far as they are read: from the message down
//! to the addresses, with everything that stands before those. Names are the standards'.
//!
//! Read first: ITU-T H.225.0 annex H, H.245 annex A. The versions are those of Linux 6.18: what is added behind them is
//! stepped over.
use super::per::Addition::{End, Kept, Skipped};
use super::per::{
    Choice, Field, Kind, Length, Range, Sequence, choice, end, growing, growing_choice, optional_end, plain,
};

pub(super) const fn null(name: &'static str) -> Field {
    Field::new(name, Kind::Null)
}

pub(super) const fn boolean(name: &'static str) -> Field {
    Field::new(name, Kind::Boolean)
}

pub(super) const fn identifier(name: &'static str) -> Field {
    Field::new(name, Kind::ObjectIdentifier)
}

pub(super) const fn bits(name: &'static str, bits: u32) -> Field {
    Field::new(name, Kind::Integer(Range::Bits(bits)))
}

pub(super) const fn byte(name: &'static str) -> Field {
    Field::new(name, Kind::Integer(Range::Byte))
}

pub(super) const fn word(name: &'static str) -> Field {
    Field::new(name, Kind::Integer(Range::Word))
}

pub(super) const fn long(name: &'static str, lowest: u32) -> Field {
    Field::new(name, Kind::Integer(Range::Long(lowest)))
}

pub(super) const fn octets(name: &'static str, length: usize) -> Field {
    Field::new(name, Kind::Octets(Length::Fixed(length)))
}

pub(super) const fn any_number(name: &'static str) -> Field {
    Field::new(name, Kind::Integer(Range::Any))
}

pub(super) const fn bit_string(name: &'static str, length: Length) -> Field {
    Field::new(name, Kind::Bits(length))
}

pub(super) const fn unread(name: &'static str) -> Field {
    Field::new(name, Kind::Unread)
}

pub(super) const fn string(name: &'static str) -> Field {
    Field::new(name, Kind::Octets(Length::Any))
}

pub(super) const fn short_octets(name: &'static str, bits: u32, least: usize) -> Field {
    Field::new(name, Kind::Octets(Length::Counted(bits, least)))
}

pub(super) const fn wide(name: &'static str) -> Field {
    Field::new(name, Kind::Wide(Length::Counted(7, 1)))
}

pub(super) const fn sequence(name: &'static str, kind: &'static Sequence) -> Field {
    Field::new(name, Kind::Sequence(kind))
}

pub(super) const fn one_of(name: &'static str, kind: &'static Choice) -> Field {
    Field::new(name, Kind::Choice(kind))
}

pub(super) const fn list(name: &'static str, element: &'static Field) -> Field {
    Field::new(name, Kind::List(element, 0))
}

pub(super) const fn kept_list(name: &'static str, element: &'static Field, most: usize) -> Field {
    Field::new(name, Kind::List(element, most)).kept()
}

// H.225.0: what many messages have.

static H221: Sequence =
    growing(&[byte("t35CountryCode"), byte("t35Extension"), word("manufacturerCode")], &[]);
static NON_STANDARD_IDENTIFIER: Choice =
    growing_choice(&[identifier("object"), sequence("h221NonStandard", &H221)], &[]);
pub(super) static NON_STANDARD: Sequence =
    plain(&[one_of("nonStandardIdentifier", &NON_STANDARD_IDENTIFIER), string("data")]);

pub(super) const fn non_standard() -> Field {
    sequence("nonStandardData", &NON_STANDARD).optional()
}

static IP_ADDRESS: Sequence = plain(&[octets("ip", 4).kept(), word("port")]);
static IP6_ADDRESS: Sequence = growing(&[octets("ip", 16).kept(), word("port")], &[]);
static HOP: Field = octets("item", 4);
static ROUTING: Choice = growing_choice(&[null("strict"), null("loose")], &[]);
static SOURCE_ROUTE: Sequence =
    growing(&[octets("ip", 4), word("port"), list("route", &HOP), one_of("routing", &ROUTING)], &[]);
static IPX_ADDRESS: Sequence = plain(&[octets("node", 6), octets("netnum", 4), octets("port", 2)]);
static TRANSPORT_ADDRESS: Choice = growing_choice(
    &[
        sequence("ipAddress", &IP_ADDRESS).kept(),
        sequence("ipSourceRoute", &SOURCE_ROUTE),
        sequence("ipxAddress", &IPX_ADDRESS),
        sequence("ip6Address", &IP6_ADDRESS).kept(),
        octets("netBios", 16),
        short_octets("nsap", 5, 1),
        sequence("nonStandardAddress", &NON_STANDARD),
    ],
    &[],
);
static ADDRESS_ITEM: Field = address("item");

pub(super) const fn address(name: &'static str) -> Field {
    one_of(name, &TRANSPORT_ADDRESS).kept()
}

pub(super) const fn addresses(name: &'static str) -> Field {
    kept_list(name, &ADDRESS_ITEM, 10)
}

pub(super) static ALIAS: Choice = growing_choice(
    &[Field::new("dialedDigits", Kind::Digits(7)), Field::new("h323-ID", Kind::Wide(Length::Byte(1)))],
    &[],
);
static ALIAS_ITEM: Field = one_of("item", &ALIAS);

pub(super) const fn aliases(name: &'static str) -> Field {
    list(name, &ALIAS_ITEM)
}

pub(super) static VENDOR: Sequence = growing(
    &[
        sequence("vendor", &H221),
        Field::new("productId", Kind::Octets(Length::Byte(1))).optional(),
        Field::new("versionId", Kind::Octets(Length::Byte(1))).optional(),
    ],
    &[],
);
static ONLY_NON_STANDARD: Sequence = growing(&[non_standard()], &[]);
static CAPABILITIES: Sequence = growing(&[non_standard()], &[Skipped(2)]);
static PROTOCOLS: Choice = growing_choice(
    &[
        sequence("nonStandardData", &NON_STANDARD),
        sequence("h310", &CAPABILITIES),
        sequence("h320", &CAPABILITIES),
        sequence("h321", &CAPABILITIES),
        sequence("h322", &CAPABILITIES),
        sequence("h323", &CAPABILITIES),
        sequence("h324", &CAPABILITIES),
        sequence("voice", &CAPABILITIES),
        sequence("t120-only", &CAPABILITIES),
    ],
    &[],
);
static PROTOCOL_ITEM: Field = one_of("item", &PROTOCOLS);
static GATEWAY: Sequence = growing(&[list("protocol", &PROTOCOL_ITEM).optional(), non_standard()], &[]);
static MCU: Sequence = growing(&[non_standard()], &[Skipped(1)]);
pub(super) static ENDPOINT_TYPE: Sequence = growing(
    &[
        non_standard(),
        sequence("vendor", &VENDOR).optional(),
        sequence("gatekeeper", &ONLY_NON_STANDARD).optional(),
        sequence("gateway", &GATEWAY).optional(),
        sequence("mcu", &MCU).optional(),
        sequence("terminal", &ONLY_NON_STANDARD).optional(),
        boolean("mc"),
        boolean("undefinedNode"),
    ],
    &[Skipped(2)],
);
pub(super) static CALL_TYPE: Choice =
    growing_choice(&[null("pointToPoint"), null("oneToN"), null("nToOne"), null("nToN")], &[]);
pub(super) static CALL_MODEL: Choice = growing_choice(&[null("direct"), null("gatekeeperRouted")], &[]);

// H.245: logical channels.

static H245_H221: Sequence = plain(&[byte("t35CountryCode"), byte("t35Extension"), word("manufacturerCode")]);
static H245_IDENTIFIER: Choice = choice(&[identifier("object"), sequence("h221NonStandard", &H245_H221)]);
static H245_NON_STANDARD: Sequence =
    plain(&[one_of("nonStandardIdentifier", &H245_IDENTIFIER), string("data")]);

pub(super) const fn h245_non_standard() -> Field {
    sequence("nonStandard", &H245_NON_STANDARD)
}

static H261: Sequence = growing(
    &[
        bits("qcifMPI", 2).optional(),
        bits("cifMPI", 2).optional(),
        boolean("temporalSpatialTradeOffCapability"),
        word("maxBitRate"),
        boolean("stillImageTransmission"),
    ],
    &[Skipped(1)],
);
static H262: Sequence = growing(
    &[
        boolean("profileAndLevel-SPatML"),
        boolean("profileAndLevel-MPatLL"),
        boolean("profileAndLevel-MPatML"),
        boolean("profileAndLevel-MPatH-14"),
        boolean("profileAndLevel-MPatHL"),
        boolean("profileAndLevel-SNRatLL"),
        boolean("profileAndLevel-SNRatML"),
        boolean("profileAndLevel-SpatialatH-14"),
        boolean("profileAndLevel-HPatML"),
        boolean("profileAndLevel-HPatH-14"),
        boolean("profileAndLevel-HPatHL"),
        long("videoBitRate", 0).optional(),
        long("vbvBufferSize", 0).optional(),
        word("samplesPerLine").optional(),
        word("linesPerFrame").optional(),
        bits("framesPerSecond", 4).optional(),
        long("luminanceSampleRate", 0).optional(),
    ],
    &[Skipped(1)],
);
static H263: Sequence = growing(
    &[
        bits("sqcifMPI", 5).optional(),
        bits("qcifMPI", 5).optional(),
        bits("cifMPI", 5).optional(),
        bits("cif4MPI", 5).optional(),
        bits("cif16MPI", 5).optional(),
        long("maxBitRate", 1),
        boolean("unrestrictedVector"),
        boolean("arithmeticCoding"),
        boolean("advancedPrediction"),
        boolean("pbFrames"),
        boolean("temporalSpatialTradeOffCapability"),
        long("hrd-B", 0).optional(),
        word("bppMaxKb").optional(),
    ],
    &[Skipped(8)],
);
static IS11172_VIDEO: Sequence = growing(
    &[
        boolean("constrainedBitstream"),
        long("videoBitRate", 0).optional(),
        long("vbvBufferSize", 0).optional(),
        word("samplesPerLine").optional(),
        word("linesPerFrame").optional(),
        bits("pictureRate", 4).optional(),
        long("luminanceSampleRate", 0).optional(),
    ],
    &[Skipped(1)],
);
static VIDEO: Choice = growing_choice(
    &[
        h245_non_standard(),
        sequence("h261VideoCapability", &H261),
        sequence("h262VideoCapability", &H262),
        sequence("h263VideoCapability", &H263),
        sequence("is11172VideoCapability", &IS11172_VIDEO),
    ],
    &[],
);
static G7231: Sequence = plain(&[byte("maxAl-sduAudioFrames"), boolean("silenceSuppression")]);
static IS11172_AUDIO: Sequence = growing(
    &[
        boolean("audioLayer1"),
        boolean("audioLayer2"),
        boolean("audioLayer3"),
        boolean("audioSampling32k"),
        boolean("audioSampling44k1"),
        boolean("audioSampling48k"),
        boolean("singleChannel"),
        boolean("twoChannels"),
        word("bitRate"),
    ],
    &[],
);
static IS13818_AUDIO: Sequence = growing(
    &[
        boolean("audioLayer1"),
        boolean("audioLayer2"),
        boolean("audioLayer3"),
        boolean("audioSampling16k"),
        boolean("audioSampling22k05"),
        boolean("audioSampling24k"),
        boolean("audioSampling32k"),
        boolean("audioSampling44k1"),
        boolean("audioSampling48k"),
        boolean("singleChannel"),
        boolean("twoChannels"),
        boolean("threeChannels2-1"),
        boolean("threeChannels3-0"),
        boolean("fourChannels2-0-2-0"),
        boolean("fourChannels2-2"),
        boolean("fourChannels3-1"),
        boolean("fiveChannels3-0-2-0"),
        boolean("fiveChannels3-2"),
        boolean("lowFrequencyEnhancement"),
        boolean("multilingual"),
        word("bitRate"),
    ],
    &[],
);
static AUDIO: Choice = growing_choice(
    &[
        h245_non_standard(),
        byte("g711Alaw64k"),
        byte("g711Alaw56k"),
        byte("g711Ulaw64k"),
        byte("g711Ulaw56k"),
        byte("g722-64k"),
        byte("g722-56k"),
        byte("g722-48k"),
        sequence("g7231", &G7231),
        byte("g728"),
        byte("g729"),
        byte("g729AnnexA"),
        sequence("is11172AudioCapability", &IS11172_AUDIO),
        sequence("is13818AudioCapability", &IS13818_AUDIO),
    ],
    &[],
);
static DATA_PROTOCOL: Choice = growing_choice(
    &[
        h245_non_standard(),
        null("v14buffered"),
        null("v42lapm"),
        null("hdlcFrameTunnelling"),
        null("h310SeparateVCStack"),
        null("h310SingleVCStack"),
        null("transparent"),
    ],
    &[
        unread("segmentationAndReassembly"),
        unread("hdlcFrameTunnelingwSAR"),
        unread("v120"),
        unread("separateLANStack"),
    ],
);
static T84_RESTRICTED: Sequence = growing(
    &[
        boolean("qcif"),
        boolean("cif"),
        boolean("ccir601Seq"),
        boolean("ccir601Prog"),
        boolean("hdtvSeq"),
        boolean("hdtvProg"),
        boolean("g3FacsMH200x100"),
        boolean("g3FacsMH200x200"),
        boolean("g4FacsMMR200x100"),
        boolean("g4FacsMMR200x200"),
        boolean("jbig200x200Seq"),
        boolean("jbig200x200Prog"),
        boolean("jbig300x300Seq"),
        boolean("jbig300x300Prog"),
        boolean("digPhotoLow"),
        boolean("digPhotoMedSeq"),
        boolean("digPhotoMedProg"),
        boolean("digPhotoHighSeq"),
        boolean("digPhotoHighProg"),
    ],
    &[],
);
static T84_PROFILE: Choice = choice(&[null("t84Unrestricted"), sequence("t84Restricted", &T84_RESTRICTED)]);
static T84: Sequence = plain(&[one_of("t84Protocol", &DATA_PROTOCOL), one_of("t84Profile", &T84_PROFILE)]);
static NLPID: Sequence = plain(&[one_of("nlpidProtocol", &DATA_PROTOCOL), string("nlpidData")]);
static APPLICATION: Choice = growing_choice(
    &[
        h245_non_standard(),
        one_of("t120", &DATA_PROTOCOL).kept(),
        one_of("dsm-cc", &DATA_PROTOCOL),
        one_of("userData", &DATA_PROTOCOL),
        sequence("t84", &T84),
        one_of("t434", &DATA_PROTOCOL),
        one_of("h224", &DATA_PROTOCOL),
        sequence("nlpid", &NLPID),
        null("dsvdControl"),
        one_of("h222DataPartitioning", &DATA_PROTOCOL),
    ],
    &[],
);
static DATA: Sequence = growing(&[one_of("application", &APPLICATION).kept(), long("maxBitRate", 0)], &[]);
static ENCRYPTION: Choice = growing_choice(&[h245_non_standard(), null("h233Encryption")], &[]);
static DATA_TYPE: Choice = growing_choice(
    &[
        h245_non_standard(),
        null("nullData"),
        one_of("videoData", &VIDEO),
        one_of("audioData", &AUDIO),
        sequence("data", &DATA).kept(),
        one_of("encryptionData", &ENCRYPTION),
    ],
    &[],
);
static H222: Sequence = growing(
    &[
        word("resourceID"),
        word("subChannelID"),
        word("pcr-pid").optional(),
        string("programDescriptors").optional(),
        string("streamDescriptors").optional(),
    ],
    &[],
);
static AL3: Sequence = plain(&[bits("controlFieldOctets", 2), long("sendBufferSize", 0)]);
static ADAPTATION_LAYER: Choice = growing_choice(
    &[
        h245_non_standard(),
        null("al1Framed"),
        null("al1NotFramed"),
        null("al2WithoutSequenceNumbers"),
        null("al2WithSequenceNumbers"),
        sequence("al3", &AL3),
    ],
    &[],
);
static H223: Sequence =
    growing(&[one_of("adaptationLayerType", &ADAPTATION_LAYER), boolean("segmentableFlag")], &[]);
static CRC_LENGTH: Choice = growing_choice(&[null("crc8bit"), null("crc16bit"), null("crc32bit")], &[]);
static HDLC: Sequence =
    growing(&[one_of("crcLength", &CRC_LENGTH), word("n401"), boolean("loopbackTestProcedure")], &[]);
static SUSPEND_RESUME: Choice = growing_choice(
    &[null("noSuspendResume"), null("suspendResumewAddress"), null("suspendResumewoAddress")],
    &[],
);
static RECOVERY: Choice = growing_choice(&[null("rej"), null("sREJ"), null("mSREJ")], &[]);
static ERM: Sequence = growing(&[bits("windowSize", 7), one_of("recovery", &RECOVERY)], &[]);
static V76_MODE: Choice = growing_choice(&[sequence("eRM", &ERM), null("uNERM")], &[]);
static V75: Sequence = growing(&[boolean("audioHeaderPresent")], &[]);
static V76: Sequence = growing(
    &[
        sequence("hdlcParameters", &HDLC),
        one_of("suspendResume", &SUSPEND_RESUME),
        boolean("uIH"),
        one_of("mode", &V76_MODE),
        sequence("v75Parameters", &V75),
    ],
    &[],
);

static UNICAST_IP: Sequence = growing(&[octets("network", 4).kept(), word("tsapIdentifier")], &[]);
static UNICAST_IP6: Sequence = growing(&[octets("network", 16).kept(), word("tsapIdentifier")], &[]);
static UNICAST_IPX: Sequence =
    growing(&[octets("node", 6), octets("netnum", 4), octets("tsapIdentifier", 2)], &[]);
static UNICAST_ROUTING: Choice = choice(&[null("strict"), null("loose")]);
static UNICAST_SOURCE_ROUTE: Sequence = growing(
    &[one_of("routing", &UNICAST_ROUTING), octets("network", 4), word("tsapIdentifier"), list("route", &HOP)],
    &[],
);
static UNICAST: Choice = growing_choice(
    &[
        sequence("iPAddress", &UNICAST_IP).kept(),
        sequence("iPXAddress", &UNICAST_IPX),
        sequence("iP6Address", &UNICAST_IP6).kept(),
        octets("netBios", 16),
        sequence("iPSourceRouteAddress", &UNICAST_SOURCE_ROUTE),
    ],
    &[],
);
static MULTICAST_IP: Sequence = growing(&[octets("network", 4), word("tsapIdentifier")], &[]);
static MULTICAST_IP6: Sequence = growing(&[octets("network", 16), word("tsapIdentifier")], &[]);
static MULTICAST: Choice =
    growing_choice(&[sequence("iPAddress", &MULTICAST_IP), sequence("iP6Address", &MULTICAST_IP6)], &[]);
static H245_ADDRESS: Choice =
    growing_choice(&[one_of("unicastAddress", &UNICAST).kept(), one_of("multicastAddress", &MULTICAST)], &[]);

pub(super) const fn h245_address(name: &'static str) -> Field {
    one_of(name, &H245_ADDRESS).kept()
}

static H245_NON_STANDARD_ITEM: Field = sequence("item", &H245_NON_STANDARD);
static H2250: Sequence = growing(
    &[
        list("nonStandard", &H245_NON_STANDARD_ITEM).optional(),
        byte("sessionID"),
        bits("associatedSessionID", 8).optional(),
        h245_address("mediaChannel").optional(),
        boolean("mediaGuaranteedDelivery").optional(),
        h245_address("mediaControlChannel").optional(),
        optional_end("mediaControlGuaranteedDelivery"),
        optional_end("silenceSuppression"),
        optional_end("destination"),
        optional_end("dynamicRTPPayloadType"),
        optional_end("mediaPacketization"),
    ],
    &[End],
);

pub(super) const fn h2250() -> Field {
    sequence("h2250LogicalChannelParameters", &H2250).kept()
}

static FORWARD_MULTIPLEX: Choice = growing_choice(
    &[
        sequence("h222LogicalChannelParameters", &H222),
        sequence("h223LogicalChannelParameters", &H223),
        sequence("v76LogicalChannelParameters", &V76),
    ],
    &[h2250()],
);
static FORWARD: Sequence = growing(
    &[
        word("portNumber").optional(),
        one_of("dataType", &DATA_TYPE).kept(),
        one_of("multiplexParameters", &FORWARD_MULTIPLEX).kept(),
    ],
    &[Skipped(2)],
);
static REVERSE_MULTIPLEX: Choice = growing_choice(
    &[sequence("h223LogicalChannelParameters", &H223), sequence("v76LogicalChannelParameters", &V76)],
    &[h2250()],
);
static REVERSE: Sequence = growing(
    &[one_of("dataType", &DATA_TYPE), one_of("multiplexParameters", &REVERSE_MULTIPLEX).kept().optional()],
    &[Skipped(2)],
);
static DISTRIBUTION: Choice = growing_choice(&[null("unicast"), null("multicast")], &[]);
static Q2931: Choice = growing_choice(
    &[Field::new("internationalNumber", Kind::Digits(4)), short_octets("nsapAddress", 5, 1)],
    &[],
);
static Q2931_ADDRESS: Sequence =
    growing(&[one_of("address", &Q2931), short_octets("subaddress", 5, 1).optional()], &[]);
static NETWORK_ADDRESS: Choice = growing_choice(
    &[
        sequence("q2931Address", &Q2931_ADDRESS),
        Field::new("e164Address", Kind::Digits(7)),
        h245_address("localAreaAddress"),
    ],
    &[],
);
static NETWORK_ACCESS: Sequence = growing(
    &[
        one_of("distribution", &DISTRIBUTION).optional(),
        one_of("networkAddress", &NETWORK_ADDRESS).kept(),
        boolean("associateConference"),
        short_octets("externalReference", 8, 1).optional(),
    ],
    &[Skipped(1)],
);
pub(super) static OPEN_LOGICAL_CHANNEL: Sequence = growing(
    &[
        word("forwardLogicalChannelNumber"),
        sequence("forwardLogicalChannelParameters", &FORWARD).kept(),
        sequence("reverseLogicalChannelParameters", &REVERSE).kept().optional(),
    ],
    &[Kept(sequence("separateStack", &NETWORK_ACCESS).kept()), End],
);
static ACK_REVERSE_MULTIPLEX: Choice =
    growing_choice(&[sequence("h222LogicalChannelParameters", &H222)], &[h2250()]);
static ACK_REVERSE: Sequence = growing(
    &[
        word("reverseLogicalChannelNumber"),
        word("portNumber").optional(),
        one_of("multiplexParameters", &ACK_REVERSE_MULTIPLEX).kept().optional(),
    ],
    &[Skipped(1)],
);
static H2250_ACK: Sequence = growing(
    &[
        list("nonStandard", &H245_NON_STANDARD_ITEM).optional(),
        bits("sessionID", 8).optional(),
        h245_address("mediaChannel").optional(),
        h245_address("mediaControlChannel").optional(),
        bits("dynamicRTPPayloadType", 5).optional(),
    ],
    &[Skipped(2)],
);
static FORWARD_ACK: Choice =
    growing_choice(&[sequence("h2250LogicalChannelAckParameters", &H2250_ACK).kept()], &[]);
static OPEN_LOGICAL_CHANNEL_ACK: Sequence = growing(
    &[
        word("forwardLogicalChannelNumber"),
        sequence("reverseLogicalChannelParameters", &ACK_REVERSE).kept().optional(),
    ],
    &[
        Kept(sequence("separateStack", &NETWORK_ACCESS).kept()),
        Kept(one_of("forwardMultiplexAckParameters", &FORWARD_ACK).kept()),
        End,
    ],
);
static REQUEST: Choice = growing_choice(
    &[
        end("nonStandard"),
        end("masterSlaveDetermination"),
        end("terminalCapabilitySet"),
        sequence("openLogicalChannel", &OPEN_LOGICAL_CHANNEL).kept(),
        end("closeLogicalChannel"),
        end("requestChannelClose"),
        end("multiplexEntrySend"),
        end("requestMultiplexEntry"),
        end("requestMode"),
        end("roundTripDelayRequest"),
        end("maintenanceLoopRequest"),
    ],
    &[
        end("communicationModeRequest"),
        end("conferenceRequest"),
        end("multilinkRequest"),
        end("logicalChannelRateRequest"),
    ],
);
static RESPONSE: Choice = growing_choice(
    &[
        end("nonStandard"),
        end("masterSlaveDeterminationAck"),
        end("masterSlaveDeterminationReject"),
        end("terminalCapabilitySetAck"),
        end("terminalCapabilitySetReject"),
        sequence("openLogicalChannelAck", &OPEN_LOGICAL_CHANNEL_ACK).kept(),
        end("openLogicalChannelReject"),
        end("closeLogicalChannelAck"),
        end("requestChannelCloseAck"),
        end("requestChannelCloseReject"),
        end("multiplexEntrySendAck"),
        end("multiplexEntrySendReject"),
        end("requestMultiplexEntryAck"),
        end("requestMultiplexEntryReject"),
        end("requestModeAck"),
        end("requestModeReject"),
        end("roundTripDelayResponse"),
        end("maintenanceLoopAck"),
        end("maintenanceLoopReject"),
    ],
    &[
        end("communicationModeResponse"),
        end("conferenceResponse"),
        end("multilinkResponse"),
        end("logicalChannelRateAcknowledge"),
        end("logicalChannelRateReject"),
    ],
);
static CONTROL: Choice = growing_choice(
    &[
        one_of("request", &REQUEST).kept(),
        one_of("response", &RESPONSE).kept(),
        end("command"),
        end("indication"),
    ],
    &[],
);

/// A message of H.245.
pub(super) static CONTROL_MESSAGE: Field = one_of("MultimediaSystemControlMessage", &CONTROL).kept();
