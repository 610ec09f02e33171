import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** The flexible checksums of S3 (`x-amz-checksum-*`), each as a running digest in base64. */
export interface Digest {
  update(chunk: Buffer): void
  base64(): string
}

export const checksumNames = ['crc32', 'crc32c', 'sha1', 'sha256'] as const
export type ChecksumName = (typeof checksumNames)[number]

export function createDigest(name: ChecksumName): Digest {
  if (name === 'crc32') return runningCrc((chunk, value) => crc32(chunk, value))
  if (name === 'crc32c') return runningCrc(crc32c)
  const hash = createHash(name)
  return {
    update: (chunk) => {
      hash.update(chunk)
    },
    base64: () => hash.digest('base64'),
  }
}

function runningCrc(step: (chunk: Buffer, value: number) => number): Digest {
  let value = 0
  return {
    update: (chunk) => {
      value = step(chunk, value)
    },
    base64: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value >>> 0)
      return bytes.toString('base64')
    },
  }
}

// Castagnoli, reflected: RFC 3720 appendix B.4.
const castagnoli = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

function crc32c(chunk: Buffer, start: number): number {
  let value = ~start >>> 0
  for (const byte of chunk) value = (value >>> 8) ^ castagnoli[(value ^ byte) & 0xff]!
  return ~value >>> 0
}
