import { createHash } from 'node:crypto'
import type { MessageAttribute } from './message.ts'

export function md5(text: string | Buffer): string {
  return createHash('md5').update(text).digest('hex')
}

type Attributes = Readonly<Record<string, MessageAttribute>>

/** "Calculating the MD5 message digest for message attributes", developer guide; undefined without any. */
export function md5OfAttributes(attributes: Attributes): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const parts = names.flatMap((name) => {
    const { DataType, StringValue, BinaryValue } = attributes[name]!
    const isBinary = DataType.startsWith('Binary')
    const value = isBinary ? Buffer.from(BinaryValue ?? '', 'base64') : Buffer.from(StringValue ?? '')
    return [
      ...sized(Buffer.from(name)),
      ...sized(Buffer.from(DataType)),
      Buffer.of(isBinary ? 2 : 1),
      ...sized(value),
    ]
  })
  return md5(Buffer.concat(parts))
}

function sized(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return [length, bytes]
}
