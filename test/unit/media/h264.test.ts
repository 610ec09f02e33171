import { expect, test } from '@jest/globals'
import { checkKeyPicture, parseConfiguration } from '../../../worker/media/h264.ts'

const set = Buffer.from([0x67, 1, 2, 3])
const avcC = Buffer.concat([
  Buffer.from([1, 100, 0, 40, 0xff, 0xe1, 0, set.length]),
  set,
  Buffer.from([1, 0, 0]),
])
const unit = (...bytes: number[]) => Buffer.from([0, 0, 0, bytes.length, ...bytes])
const check =
  (...units: Buffer[]) =>
  () =>
    checkKeyPicture(Buffer.concat(units), parseConfiguration(avcC))

test('the configuration tells the length of lengths and the parameter sets', () => {
  expect(parseConfiguration(avcC)).toEqual({
    ...{ lengthBytes: 4, sequenceSets: [set], pictureSets: [Buffer.alloc(0)] },
  })
})

test('an IDR picture is a key frame, with or without words before it', () => {
  expect(check(unit(0x65, 9))).not.toThrow()
  // A delimiter, a message, the parameter set that everybody knows.
  expect(check(unit(0x09, 0x10), unit(0x06, 1), unit(...set), unit(0x65, 9))).not.toThrow()
})

test.each([
  ['a picture that leans on others', [unit(0x41, 9)], 'a key frame is no IDR picture'],
  ['a new parameter set', [unit(0x67, 9), unit(0x65, 9)], 'a key frame brings a parameter set of its own'],
  ['no picture', [unit(0x06, 1)], 'a key frame holds no picture'],
  ['a length past the end', [Buffer.from([0, 0, 1, 0, 0x65])], 'a key frame is damaged'],
])('%s is refused', (_, units, message) => {
  expect(check(...units)).toThrow(expect.objectContaining({ code: 'copy_refused', message }))
})
