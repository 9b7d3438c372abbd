//! The hash of words by which Linux chooses buckets, nodes and addresses.
//!
//! Read first: Bob Jenkins, lookup3.c, `hashword` (public domain).

const GOLDEN: u32 = 0xdead_beef;

/// lookup3's hash of an array of words (`hashword`; Linux: `jhash2`).
pub fn hash_words(words: &[u32], initial: u32) -> u32 {
    let length = u32::try_from(words.len()).unwrap_or(u32::MAX);
    let start = GOLDEN.wrapping_add(length.wrapping_shl(2)).wrapping_add(initial);
    let mut state = [start; 3];
    let mut rest = words;
    while let [one, two, three, more @ ..] = rest
        && !more.is_empty()
    {
        state = mix(add(state, [*one, *two, *three]));
        rest = more;
    }
    match *rest {
        [] => {}
        [one] => state = last_mix(add(state, [one, 0, 0])),
        [one, two] => state = last_mix(add(state, [one, two, 0])),
        [one, two, three, ..] => state = last_mix(add(state, [one, two, three])),
    }
    state[2]
}

fn add(state: [u32; 3], words: [u32; 3]) -> [u32; 3] {
    let ([a, b, c], [x, y, z]) = (state, words);
    [a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z)]
}

fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    for (one, two) in [(4, 6), (16, 19)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(one);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(two);
        a = a.wrapping_add(c);
        let three = if one == 4 { 8 } else { 4 };
        c = c.wrapping_sub(b) ^ b.rotate_left(three);
        b = b.wrapping_add(a);
    }
    [a, b, c]
}

fn last_mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    [a, b, c]
}
