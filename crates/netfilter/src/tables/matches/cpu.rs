//! `-m cpu` (Linux: `cpu_mt`): the processor that handles the packet.
use rules::matches::cpu::Cpu;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::trace::Found;

pub(super) fn holds(rule: &Cpu, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let Some(cpu) = asked.packet.cpu.or(env.machine.cpu) else {
        return Err(Miss::Undecided(
            "the processor that handles the packet (-m cpu; give `cpu N` behind the packet's device or `local`, or \
             --machine FILE with a line `cpu N`)",
        ));
    };
    hold((cpu == rule.number) != rule.invert, "--cpu", Found::Number(cpu.into()))
}
