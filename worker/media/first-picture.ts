/** Slices of an IDR picture: of H.264 (ITU-T H.264 table 7-1) and of HEVC (ITU-T H.265 table 7-1). */
const h264Idr = 5
const hevcIdr = [19, 20]
/** Types below these are slices. */
const h264Slices = 6
const hevcSlices = 32

/** OBU types of a frame and of a frame's header alone (AV1 specification, 6.2.2). */
const av1Frames = [3, 6]

/**
 * Whether decoding may begin with this picture and shows nothing from before it: a container's own mark for key frames
 * also stands at pictures that others, shown before them, lean on. sample: as encoded here, with lengths of four
 * bytes; codec: as RFC 6381 has it.
 */
export function beginsClean(sample: Buffer, codec: string): boolean {
  if (codec.startsWith('av01')) return isShownKey(sample)
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

/** Whether the first frame is a key frame that is shown (5.9.2): nothing behind it may then lean on what was before. */
function isShownKey(sample: Buffer): boolean {
  for (let at = 0; at < sample.length; ) {
    const header = sample[at]!
    const hasSize = (header & 0x02) !== 0
    let start = at + ((header & 0x04) === 0 ? 1 : 2)
    let size = sample.length - start
    if (hasSize) {
      size = 0
      for (let byte = 0; byte < 5; byte++) {
        const value = sample[start] ?? 0
        start += 1
        size += (value & 0x7f) * 2 ** (7 * byte)
        if (value < 0x80) break
      }
    }
    // show_existing_frame 0, frame_type KEY_FRAME, show_frame 1.
    if (av1Frames.includes((header >> 3) & 0x0f)) return ((sample[start] ?? 0) & 0xf0) === 0x10
    at = start + size
  }
  return false
}
