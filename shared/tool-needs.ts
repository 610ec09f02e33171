/** What the argument builders of worker/media use: an ffmpeg without one of them would fail every job. */
export const neededOfFfmpeg = {
  encoders: ['libx264', 'aac', 'mjpeg'],
  muxers: ['hls', 'mp4', 'image2'],
  filters: [
    'fps',
    'split',
    'scale',
    'tile',
    'bwdif',
    'aresample',
    'apad',
    'zscale',
    'tonemap',
    'signalstats',
  ],
} as const

/** What is missing in the list that `ffmpeg -encoders` (or -muxers, -filters) prints: `encoder libx264`. Pure. */
export function missingIn(kind: keyof typeof neededOfFfmpeg, listed: string): string[] {
  const words = new Set(listed.split(/\s+/))
  return neededOfFfmpeg[kind].filter((name) => !words.has(name)).map((name) => `${kind.slice(0, -1)} ${name}`)
}
