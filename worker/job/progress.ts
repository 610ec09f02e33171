/**
 * The product's progress bar, contract.md section 3: seven named steps with a fixed overall percent each; only
 * transcoding moves inside its span. The overall percent never goes back, whatever a redelivery starts over.
 */
const steps = {
  presigning: { index: 1, percent: 5, display: 'Preparing' },
  downloading: { index: 2, percent: 15, display: 'Downloading' },
  probing: { index: 3, percent: 25, display: 'Analysing' },
  transcoding: { index: 4, percent: 50, to: 85, display: 'Transcoding' },
  validating: { index: 5, percent: 85, display: 'Validating' },
  thumbnail: { index: 6, percent: 90, display: 'Creating thumbnails' },
  uploading: { index: 7, percent: 95, display: 'Uploading' },
  done: { index: 7, percent: 100, display: 'Done' },
} as const

/** Overall percents between which transcoding moves. */
export const transcodingSpan = { from: steps.transcoding.percent, to: steps.transcoding.to } as const

export type StepName = keyof typeof steps

/** The value of the progress key. Seconds are whole, percents are 0 to 100. */
export interface ProgressValue {
  readonly step: StepName
  readonly percent: number
  readonly remaining_seconds: number | null
  readonly step_index: number
  readonly step_total: 7
  readonly step_name: StepName
  readonly step_name_display: string
  readonly step_percent: number
}

export interface ProgressBar {
  /** fraction: 0 to 1 of the step; remainingSeconds: of the whole job. Returns the value to publish. */
  move(step: StepName, fraction?: number, remainingSeconds?: number): ProgressValue
  /** The bar of an earlier attempt stood here: this one does not start behind it. */
  atLeast(percent: number): void
  readonly value: ProgressValue
}

/** Media seconds of one encode after which ffmpeg's speed is one: before, it is mostly its start (18,232 h were seen). */
const tellingSeconds = 1

/**
 * Estimates the seconds an encode still takes from ffmpeg's reports; undefined until one tells. Between two
 * chunks the speed of the last one stands: `encodedSeconds` begins at 0 with each of them.
 */
export function createEstimate(): (report: {
  encodedSeconds: number
  leftSeconds: number
  speed: number
}) => number | undefined {
  let known = 0
  return ({ encodedSeconds, leftSeconds, speed }) => {
    if (encodedSeconds > tellingSeconds && speed > 0) known = speed
    return known > 0 ? leftSeconds / known : undefined
  }
}

export function createProgressBar(): ProgressBar {
  let value = progressValue('presigning', 0, 0, undefined)

  return {
    move(step, fraction = 0, remainingSeconds) {
      value = progressValue(step, fraction, value.percent, remainingSeconds)
      return value
    },
    atLeast(percent) {
      if (percent > value.percent && percent < 100) value = { ...value, percent }
    },
    get value() {
      return value
    },
  }
}

function progressValue(
  step: StepName,
  fraction: number,
  least: number,
  remaining: number | undefined,
): ProgressValue {
  const row = steps[step]
  // A source of unknown length makes NaN: that is no progress, not a broken bar.
  const inside = Math.min(1, Math.max(0, fraction || 0))
  const span = 'to' in row ? row.to - row.percent : 0
  return {
    step,
    percent: Math.max(least, Math.floor(row.percent + span * inside)),
    remaining_seconds: remaining === undefined ? null : Math.max(0, Math.round(remaining)),
    step_index: row.index,
    step_total: 7,
    step_name: step,
    step_name_display: row.display,
    step_percent: step === 'done' ? 100 : Math.floor(inside * 100),
  }
}
