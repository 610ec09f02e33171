/** What EBU R128 says of a whole track. */
export interface Loudness {
  /** LUFS, gated: silence does not count. */
  readonly integrated: number
  /** dBTP. */
  readonly truePeak: number
}

/** Quieter than this in LUFS there is nothing but noise, which nobody wants to hear louder. */
const quietest = -60
/** dBTP. The encoder's own overshoot is to stay under -1 (EBU R128, Apple 2.18). */
const highestPeak = -2
/** LU: what is nearer to the target is not measured once more. */
const closeEnough = 0.3
const mostCorrections = 2

/** Filters that measure a track of `seconds` and leave the figures of its last half second, those of the whole, in a file. */
export function measuringFilters(seconds: number, file: string): string[] {
  const from = Math.max(0, seconds - 0.5).toFixed(3)
  return ['ebur128=metadata=1:peak=true', `ametadata=print:file=${file}:enable='gte(t,${from})'`]
}

/** Reads what measuringFilters left; undefined for silence and for what is too short to be measured (0.4 s). */
export function parseLoudness(text: string): Loudness | undefined {
  const last = (key: string) => {
    const found = [...text.matchAll(new RegExp(`lavfi\\.r128\\.${key}=(-?[\\d.]+)`, 'g'))].at(-1)?.[1]
    return found === undefined ? Number.NaN : Number(found)
  }
  const [integrated, peak] = [last('I'), last('true_peak')]
  if (!(integrated > quietest) || Number.isNaN(peak)) return undefined
  // Printed in thousandths of full scale: what was rounded off may have been there.
  return { integrated, truePeak: 20 * Math.log10(peak + 0.0005) }
}

/** How a track is brought to its loudness: one gain for all of it. */
export interface Gain {
  readonly decibels: number
  /** Its peaks would pass the highest: they are held down, the rest is not. */
  readonly limited: boolean
}

/**
 * The gain that brings a track to `target` LUFS; undefined for silence. measure: how loud the track is with a gain.
 * Two passes, this and the encode; where the limiter has to take peaks, which no figure tells beforehand, up to two more.
 */
export async function findGain(
  target: number,
  measure: (gain?: Gain) => Promise<Loudness | undefined>,
): Promise<Gain | undefined> {
  let found = await measure()
  let gain: Gain | undefined
  for (let pass = 0; found && pass <= mostCorrections; pass++) {
    const step = target - found.integrated
    if (gain && Math.abs(step) <= closeEnough) break
    const limited: boolean = gain?.limited === true || found.truePeak + step > highestPeak
    gain = { decibels: (gain?.decibels ?? 0) + step, limited }
    if (!limited || pass === mostCorrections) break
    found = await measure(gain)
  }
  return gain
}

/**
 * loudnorm does the same in its linear mode. In its other one, for peaks that leave no room, its gain follows the sound and
 * was 8 LU off for a quiet voice with clicks (measured): here the gain stays one, and a limiter takes the peaks.
 */
export function loudnessFilters({ decibels, limited }: Gain): string[] {
  const volume = `volume=${decibels.toFixed(2)}dB`
  if (!limited) return [volume]
  const limit = (10 ** (highestPeak / 20)).toFixed(4)
  // At four times the rate it sees the peaks between the samples.
  return [volume, 'aresample=192000', `alimiter=limit=${limit}:level=0:latency=1`, 'aresample=48000']
}
