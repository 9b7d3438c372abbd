//! `-m bpf` with `--bytecode`: an interpreter of the classic packet filter (Linux: `bpf_mt`, `bpf_convert_filter`,
//! `bpf_skb_load_helper_32`).
//!
//! A program has at most 64 instructions and jumps forwards only, so that it ends. What it reads outside the packet makes
//! it return 0, and so does a division by X where X is 0.
use rules::matches::bpf::{ANCILLARY, Bpf, CELLS, Instruction, code};

use super::{Asked, Held, Miss, hold};
use crate::skb::Packet;
use crate::trace::Found;

/// Places from here on count from the network header (`SKF_NET_OFF`).
const NETWORK: u32 = 0xfff0_0000;
/// Places from here on count from the link header (`SKF_LL_OFF`).
const LINK: u32 = 0xffe0_0000;

pub(super) fn holds(rule: &Bpf, asked: &Asked<'_>) -> Held {
    let value = run(&rule.program, asked.packet)?;
    hold(value != 0, "--bytecode", Found::Number(value.into()))
}

/// Why a program stops before its return.
enum Stop {
    /// It returns 0.
    Nothing,
    /// It asks what is not known.
    Unknown,
}

/// The machine: two registers and sixteen cells.
struct Machine<'p> {
    packet: &'p Packet,
    bytes: &'p [u8],
    a: u32,
    x: u32,
    cells: [u32; CELLS as usize],
}

fn run(program: &[Instruction], packet: &Packet) -> Result<u32, Miss> {
    let bytes = packet.view().bytes();
    let mut machine = Machine { packet, bytes, a: 0, x: 0, cells: [0; CELLS as usize] };
    let mut at = 0;
    // A program that has no return at its end is refused when it is loaded.
    while let Some(one) = program.get(at) {
        match one.code {
            code::RETURN => return Ok(one.constant),
            code::RETURN_A => return Ok(machine.a),
            own if own & 7 == code::JUMP => at += machine.jump(one),
            _ => match machine.step(one) {
                Ok(()) => {}
                Err(Stop::Nothing) => return Ok(0),
                Err(Stop::Unknown) => {
                    return Err(Miss::Undecided(
                        "what the kernel knows of the packet besides its bytes (-m bpf)",
                    ));
                }
            },
        }
        at += 1;
    }
    Ok(0)
}

impl Machine<'_> {
    fn operand(&self, one: &Instruction) -> u32 {
        if one.code & code::WITH_X != 0 { self.x } else { one.constant }
    }

    /// How many instructions are left out.
    fn jump(&self, one: &Instruction) -> usize {
        let operand = self.operand(one);
        let so = match one.code & 0xf0 {
            code::EQUAL => self.a == operand,
            code::GREATER => self.a > operand,
            code::GREATER_OR_EQUAL => self.a >= operand,
            code::BITS => self.a & operand != 0,
            _ => return usize::try_from(one.constant).unwrap_or(usize::MAX / 2),
        };
        usize::from(if so { one.jump_true } else { one.jump_false })
    }

    fn step(&mut self, one: &Instruction) -> Result<(), Stop> {
        let place = one.constant;
        let cell = usize::try_from(place).unwrap_or(usize::MAX);
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        match one.code {
            code::LOAD_WORD | code::LOAD_HALF | code::LOAD_BYTE if place >= ANCILLARY => {
                self.ancillary(place)?
            }
            code::LOAD_WORD => self.a = self.load::<4>(place)?,
            code::LOAD_HALF => self.a = self.load::<2>(place)?,
            code::LOAD_BYTE => self.a = self.load::<1>(place)?,
            code::LOAD_WORD_AT_X => self.a = self.load::<4>(self.x.wrapping_add(place))?,
            code::LOAD_HALF_AT_X => self.a = self.load::<2>(self.x.wrapping_add(place))?,
            code::LOAD_BYTE_AT_X => self.a = self.load::<1>(self.x.wrapping_add(place))?,
            code::LOAD_X_HEADER => self.x = (self.load::<1>(place)? & 15) * 4,
            code::LOAD_LENGTH => self.a = length,
            code::LOAD_X_LENGTH => self.x = length,
            code::LOAD => self.a = place,
            code::LOAD_X => self.x = place,
            code::LOAD_MEMORY => self.a = self.cells.get(cell).copied().unwrap_or(0),
            code::LOAD_X_MEMORY => self.x = self.cells.get(cell).copied().unwrap_or(0),
            code::STORE | code::STORE_X => {
                let value = if one.code == code::STORE { self.a } else { self.x };
                if let Some(own) = self.cells.get_mut(cell) {
                    *own = value;
                }
            }
            code::TO_X => self.x = self.a,
            code::TO_A => self.a = self.x,
            _ => self.a = self.arithmetic(one)?,
        }
        Ok(())
    }

    fn arithmetic(&self, one: &Instruction) -> Result<u32, Stop> {
        let (a, operand) = (self.a, self.operand(one));
        Ok(match one.code & 0xf0 {
            code::ADD => a.wrapping_add(operand),
            code::SUBTRACT => a.wrapping_sub(operand),
            code::MULTIPLY => a.wrapping_mul(operand),
            code::DIVIDE => a.checked_div(operand).ok_or(Stop::Nothing)?,
            code::REMAINDER => a.checked_rem(operand).ok_or(Stop::Nothing)?,
            code::OR => a | operand,
            code::AND => a & operand,
            // Linux: a shift by X takes its lowest five bits.
            code::LEFT => a.wrapping_shl(operand),
            code::RIGHT => a.wrapping_shr(operand),
            code::NEGATE => a.wrapping_neg(),
            _ => a ^ operand,
        })
    }

    /// Bytes of the packet as a number.
    fn load<const N: usize>(&self, place: u32) -> Result<u32, Stop> {
        let from = match place {
            0..0x8000_0000 => place,
            // Linux: only what the first piece of the packet's memory holds counts then.
            NETWORK.. if self.packet.gathered.is_some() => return Err(Stop::Unknown),
            NETWORK.. => place - NETWORK,
            LINK.. => return self.load_link::<N>(place - LINK),
            // Linux: no place is before the packet's memory, whatever that is.
            _ => return Err(Stop::Nothing),
        };
        let start = usize::try_from(from).map_err(|_| Stop::Nothing)?;
        let bytes = self.bytes.get(start..).and_then(|rest| rest.get(..N)).ok_or(Stop::Nothing)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// The same from the start of the link header on: known where the packet came with one.
    fn load_link<const N: usize>(&self, from: u32) -> Result<u32, Stop> {
        let header =
            self.packet.link.ethernet.filter(|_| self.packet.gathered.is_none()).ok_or(Stop::Unknown)?;
        let start = usize::try_from(from).map_err(|_| Stop::Nothing)?;
        let mut number = 0;
        for at in start..start + N {
            let byte = header.get(at).or_else(|| self.bytes.get(at.checked_sub(header.len())?));
            number = number << 8 | u32::from(*byte.ok_or(Stop::Nothing)?);
        }
        Ok(number)
    }

    /// Ancillary data (`SKF_AD_*`): of the kernel's knowledge what the engine has, too.
    fn ancillary(&mut self, place: u32) -> Result<(), Stop> {
        const PROTOCOL: u32 = 0;
        const MARK: u32 = 20;
        const XOR_X: u32 = 40;
        self.a = match place - ANCILLARY {
            PROTOCOL if self.packet.family() == packet::Family::V4 => 0x0800,
            PROTOCOL => 0x86dd,
            MARK => self.packet.mark,
            XOR_X => self.a ^ self.x,
            _ => return Err(Stop::Unknown),
        };
        Ok(())
    }
}
