//! Reals to 18 decimal digits: the conversion of SQLite 3.54 (public domain), whose last digit our texts share.
//!
//! A power of ten is kept as its 64 leading bits; those between the entries of the table come from one more
//! multiplication.

/// The leading 64 bits of 10^0 .. 10^26.
const BASE: [u64; 27] = [
    0x8000_0000_0000_0000,
    0xa000_0000_0000_0000,
    0xc800_0000_0000_0000,
    0xfa00_0000_0000_0000,
    0x9c40_0000_0000_0000,
    0xc350_0000_0000_0000,
    0xf424_0000_0000_0000,
    0x9896_8000_0000_0000,
    0xbebc_2000_0000_0000,
    0xee6b_2800_0000_0000,
    0x9502_f900_0000_0000,
    0xba43_b740_0000_0000,
    0xe8d4_a510_0000_0000,
    0x9184_e72a_0000_0000,
    0xb5e6_20f4_8000_0000,
    0xe35f_a931_a000_0000,
    0x8e1b_c9bf_0400_0000,
    0xb1a2_bc2e_c500_0000,
    0xde0b_6b3a_7640_0000,
    0x8ac7_2304_89e8_0000,
    0xad78_ebc5_ac62_0000,
    0xd8d7_26b7_177a_8000,
    0x8786_7832_6eac_9000,
    0xa968_163f_0a57_b400,
    0xd3c2_1bce_cced_a100,
    0x8459_5161_4014_84a0,
    0xa56f_a5b9_9019_a5c8,
];

/// The leading 64 bits of 10^-351, 10^-324 .. 10^324, with 10^-1 at the place of 10^0.
const SCALE: [u64; 26] = [
    0x8049_a4ac_0c58_11ae,
    0xcf42_894a_5dce_35ea,
    0xa76c_5823_38ed_2621,
    0x873e_4f75_e222_4e68,
    0xda7f_5bf5_9096_6848,
    0xb080_392c_c434_9dec,
    0x8e93_8662_882a_f53e,
    0xe658_29b3_046b_0afa,
    0xba12_1a46_50e4_ddeb,
    0x964e_858c_91ba_2655,
    0xf2d5_6790_ab41_c2a2,
    0xc428_d05a_a475_1e4c,
    0x9e74_d1b7_91e0_7e48,
    0xcccc_cccc_cccc_cccc,
    0xcecb_8f27_f420_0f3a,
    0xa70c_3c40_a64e_6c51,
    0x86f0_ac99_b4e8_dafd,
    0xda01_ee64_1a70_8de9,
    0xb01a_e745_b101_e9e4,
    0x8e41_ade9_fbeb_c27d,
    0xe5d3_ef28_2a24_2e81,
    0xb9a7_4a06_37ce_2ee1,
    0x95f8_3d0a_1fb6_9cd9,
    0xf24a_01a7_3cf2_dccf,
    0xc3b8_3581_09e8_4f07,
    0x9e19_db92_b4e3_1ba9,
];

/// The 32 bits that follow those of [`SCALE`].
const SCALE_LOW: [u32; 26] = [
    0x205b_896d,
    0x5206_4cad,
    0xaf2a_f2b8,
    0x5a77_44a7,
    0xaf39_a475,
    0xbd8d_794e,
    0x547e_b47b,
    0x0cb4_a5a3,
    0x92f3_4d62,
    0x3a6a_07f9,
    0xfae2_7299,
    0xaa97_e14c,
    0x775e_a265,
    0xcccc_cccc,
    0x0000_0000,
    0x9990_90b6,
    0x69a0_28bb,
    0xe80e_6f48,
    0x5ec0_5dd0,
    0x1458_8f14,
    0x8f16_68c9,
    0x6d95_3e2c,
    0x4abd_af10,
    0xbc63_3b39,
    0x0a86_2f81,
    0x6c07_a2c2,
];

/// floor(log2(10^power)).
fn binary_exponent(power: i32) -> i32 {
    (power * 108_853) >> 15
}

/// floor(log10(2^exponent)).
fn decimal_exponent(binary: i32) -> i32 {
    (binary * 78_913) >> 18
}

/// The leading 64 bits of 10^power, -348 <= power <= 347.
fn power_of_ten(power: i32) -> u64 {
    let entry = |place: i32| {
        let place = place as usize;
        (SCALE.get(place).copied().unwrap_or(0), SCALE_LOW.get(place).copied().unwrap_or(0))
    };
    if power == -1 {
        return entry(13).0;
    }
    let (group, rest) = (power.div_euclid(27), power.rem_euclid(27));
    let base = BASE.get(rest as usize).copied().unwrap_or(0);
    if group == 0 {
        return base;
    }
    let (scale, low) = entry(group + 13);
    if rest == 0 {
        return scale;
    }
    let product = u128::from(scale) * u128::from(base) + ((u128::from(low) * u128::from(base)) >> 32);
    if product >> 127 == 0 { (product >> 63) as u64 } else { (product >> 64) as u64 }
}

/// Decimal digits of a positive finite real: (digits, power) with real = digits * 10^power, nearly. There are `wanted`
/// digits or one more, 1 <= wanted <= 18; of 18 the last is rounded, of fewer it is cut off.
pub(super) fn decimal(real: f64, wanted: i32) -> (u64, i32) {
    let bits = real.to_bits();
    let field = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & 0x000f_ffff_ffff_ffff;
    let (mantissa, exponent) = if field == 0 {
        let zeros = fraction.leading_zeros();
        (fraction << zeros, -1074 - zeros as i32)
    } else {
        ((fraction << 11) | (1 << 63), field - 1086)
    };
    let power = wanted - 1 - decimal_exponent(exponent + 63);
    let high = ((u128::from(mantissa) * u128::from(power_of_ten(power))) >> 64) as u64;
    let shift = -(exponent + binary_exponent(power) + 1);
    let digits = if wanted == 18 {
        let high = high >> (shift - 1);
        (high + ((high << 1) & 2)) >> 1
    } else {
        high >> shift
    };
    (digits, -power)
}
