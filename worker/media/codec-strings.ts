/** CODECS of RFC 6381 as the configuration boxes of what was made say it: players believe them before they load it. */

/** avcC: profile, constraints and level. */
export function avcCodec(avcC: Buffer): string {
  return `avc1.${avcC.toString('hex', 1, 4)}`
}

/**
 * hvcC (ISO 14496-15 8.3.3.1), in the form of its annex E.3: profile, the compatible ones with their bits turned
 * round, tier and level, then the constraint bytes up to the last that is not 0: `hvc1.1.6.L93.90`.
 */
export function hevcCodec(hvcC: Buffer): string {
  const first = hvcC.readUInt8(1)
  const space = ['', 'A', 'B', 'C'][first >> 6]!
  const tier = (first & 0x20) === 0 ? 'L' : 'H'
  const constraints = [...hvcC.subarray(6, 12)]
  while (constraints.at(-1) === 0) constraints.pop()
  return [
    `hvc1.${space}${first & 0x1f}`,
    hex(turned(hvcC.readUInt32BE(2))),
    `${tier}${hvcC.readUInt8(12)}`,
    ...constraints.map(hex),
  ].join('.')
}

/**
 * av1C (AV1 in ISO media files, section 2.3): profile, level with its tier, bits of a sample. What players assume of the
 * rest (4:2:0, BT.709, limited range) is what AV1 is made in here.
 */
export function av1Codec(av1C: Buffer): string {
  const [levels, form] = [av1C.readUInt8(1), av1C.readUInt8(2)]
  const level = String(levels & 0x1f).padStart(2, '0')
  const tier = (form & 0x80) === 0 ? 'M' : 'H'
  const bits = (form & 0x40) === 0 ? '08' : '10'
  return `av01.${levels >> 5}.${level}${tier}.${bits}`
}

function turned(bits: number): number {
  let result = 0
  for (let bit = 0; bit < 32; bit++) if ((bits & (1 << bit)) !== 0) result += 2 ** (31 - bit)
  return result
}

function hex(value: number): string {
  return value.toString(16).toUpperCase()
}
