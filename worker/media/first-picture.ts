/** Slices of an IDR picture: of H.264 (ITU-T H.264 table 7-1) and of HEVC (ITU-T H.265 table 7-1). */
const h264Idr = 5
const hevcIdr = [19, 20]
/** Types below these are slices. */
const h264Slices = 6
const hevcSlices = 32

/**
 * Whether decoding may begin with this picture and shows nothing from before it: a container's own mark for key frames
 * also stands at pictures that others, shown before them, lean on. sample: as encoded here, with lengths of four
 * bytes; codec: as RFC 6381 has it.
 */
export function beginsClean(sample: Buffer, codec: string): boolean {
  const hevc = codec.startsWith('hvc1')
  const types = unitsOf(sample).map((first) => (hevc ? (first >> 1) & 0x3f : first & 0x1f))
  const slices = types.filter((type) => (hevc ? type < hevcSlices : type > 0 && type < h264Slices))
  return slices.length > 0 && slices.every((type) => (hevc ? hevcIdr.includes(type) : type === h264Idr))
}

/** The first byte of each unit; none where they do not fill the sample. */
function unitsOf(sample: Buffer): number[] {
  const found: number[] = []
  let at = 0
  while (at + 4 < sample.length) {
    found.push(sample[at + 4]!)
    at += 4 + sample.readUInt32BE(at)
  }
  return at === sample.length ? found : []
}
