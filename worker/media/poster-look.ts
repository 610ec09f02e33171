/** What is seen of a picture that may become the poster, and what is done for one that shows next to nothing. */
export interface Look {
  /** Mean and standard deviation of the luma, 0 to 255. */
  readonly mean: number
  readonly deviation: number
  /** `lookWidth` times `lookHeight` of it, full range. */
  readonly luma: Buffer
}

/** A picture is judged at this size, where a mean and a deviation say what an eye sees. */
export const lookWidth = 64
export const lookHeight = 36
export const lookBytes = lookWidth * lookHeight

/** Of 255: below this mean a picture is black, below this deviation it shows nothing. */
const darkest = 28
const flattest = 8
/** What a poster that is lit up comes to: as bright as a room in the evening. */
const litMean = 64
/** More than this makes noise of what was dark. */
const strongestGamma = 0.45
const gammaStep = 0.05

export function measureLook(luma: Buffer): Look {
  const { mean, deviation } = momentsOf(luma, (value) => value)
  return { mean, deviation, luma }
}

export function isLively({ mean, deviation }: Omit<Look, 'luma'>): boolean {
  return mean >= darkest && deviation >= flattest
}

/** To choose among pictures of which none is lively: bright enough first, then what shows most. */
export function scoreOf({ mean, deviation }: Look): number {
  return Math.min(mean, darkest) + Math.min(deviation, 64)
}

/**
 * Filters, for 8-bit pictures in limited range, that let people see what there is. A black or plain tile on a page looks
 * as if its picture were missing: dark ones are lit up, those that are flat even so are shaded towards their edges.
 */
export function lightFilters(look: Look): string[] {
  const { gamma, lift } = look.mean < darkest ? lightFor(look) : { gamma: 1, lift: 0 }
  const lit = momentsOf(look.luma, (value) => 255 * curve(value / 255, gamma, lift))
  return [
    ...(gamma === 1 && lift === 0 ? [] : [`lutyuv=y='${lutOf(gamma, lift)}'`]),
    ...(lit.deviation < flattest ? ['vignette=angle=PI/5'] : []),
  ]
}

/** As little as is needed: first what is there is spread, then all of it is raised. */
function lightFor({ luma }: Look): { gamma: number; lift: number } {
  const meanWith = (gamma: number) => momentsOf(luma, (value) => 255 * curve(value / 255, gamma, 0)).mean
  let gamma = 1
  while (gamma - gammaStep >= strongestGamma - 1e-9 && meanWith(gamma) < litMean) gamma -= gammaStep
  const mean = meanWith(gamma)
  return { gamma, lift: Math.max(0, (litMean - mean) / (255 - mean)) }
}

function curve(value: number, gamma: number, lift: number): number {
  return lift + (1 - lift) * value ** gamma
}

function lutOf(gamma: number, lift: number): string {
  const spread = `pow(clip((val-16)/219,0,1),${gamma.toFixed(2)})`
  return `16+219*(${lift.toFixed(4)}+${(1 - lift).toFixed(4)}*${spread})`
}

function momentsOf(luma: Buffer, through: (value: number) => number): { mean: number; deviation: number } {
  let sum = 0
  let squares = 0
  for (const value of luma) {
    const seen = through(value)
    sum += seen
    squares += seen * seen
  }
  const mean = sum / luma.length
  return { mean, deviation: Math.sqrt(Math.max(0, squares / luma.length - mean * mean)) }
}
