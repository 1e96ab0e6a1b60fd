//! Any accepted sampling rate to the telephone's, once, at load.

use rubato::{FftFixedInOut, Resampler};

use crate::audio::RATE_HZ;

/// Output samples that are filtered in one go: 80 ms. The filter is as long, so that it passes up to 3.9 kHz and lets nothing through from 4 kHz.
/// At every accepted rate this is an even number of input samples, without which the filter's middle would lie between two of them.
const BLOCK: usize = 640;

/// `samples` at `rate_hz` (an accepted one) as samples at 8 kHz, without delay.
pub fn to_telephone(samples: Vec<f32>, rate_hz: u32) -> Vec<f32> {
    if rate_hz == RATE_HZ {
        return samples;
    }
    let (from, to) = (rate_hz as usize, RATE_HZ as usize);
    let mut resampler =
        FftFixedInOut::<f32>::new(from, to, BLOCK * from / to, 1).expect("the only error is a rate of zero, and accepted rates are not");
    let block = resampler.input_frames_next();
    let delay = resampler.output_delay();
    let length = (samples.len() * to).div_ceil(from);
    let mut out = Vec::with_capacity(delay + length + resampler.output_frames_max());
    let mut blocks = samples.chunks(block);
    while out.len() < delay + length {
        let mut input = blocks.next().unwrap_or_default().to_vec();
        input.resize(block, 0.0);
        let [output] = resampler
            .process(&[input], None)
            .ok()
            .and_then(|channels| <[Vec<f32>; 1]>::try_from(channels).ok())
            .expect("one channel of the length asked for in, one out");
        out.extend(output);
    }
    out.drain(..delay);
    out.truncate(length);
    out
}
