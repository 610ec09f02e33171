import { expect, test } from '@jest/globals'
import { checkPicture, parseConfiguration } from '../../../worker/media/h264.ts'

const set = Buffer.from([0x67, 1, 2, 3])
const pictureSet = Buffer.from([0x68, 7])
const avcC = Buffer.concat([
  Buffer.from([1, 100, 0, 40, 0xff, 0xe1, 0, set.length]),
  set,
  Buffer.from([1, 0, pictureSet.length]),
  pictureSet,
])
const unit = (...bytes: number[]) => Buffer.from([0, 0, 0, bytes.length, ...bytes])
const check =
  (units: Buffer[], key = true) =>
  () =>
    checkPicture(Buffer.concat(units), key, parseConfiguration(avcC))

test('the configuration tells the length of lengths and the parameter sets', () => {
  expect(parseConfiguration(avcC)).toEqual({ lengthBytes: 4, sets: [set, pictureSet] })
})

test('an IDR picture is a key frame, with or without words before it', () => {
  expect(check([unit(0x65, 9)])).not.toThrow()
  // A delimiter, a message, the parameter sets that everybody knows; two slices.
  const words = [unit(0x09, 0x10), unit(0x06, 1), unit(...set), unit(...pictureSet)]
  expect(check([...words, unit(0x65, 9), unit(0x65, 8)])).not.toThrow()
  expect(check([unit(0x06, 1), unit(0x41, 9)], false)).not.toThrow()
})

test.each([
  ['a picture that leans on others', [unit(0x41, 9)], 'a key frame is no IDR picture'],
  ['a slice of one behind an IDR slice', [unit(0x65, 9), unit(0x41, 9)], 'a key frame is no IDR picture'],
])('%s is refused as a key frame', (_, units, message) => {
  expect(check(units)).toThrow(expect.objectContaining({ code: 'copy_refused', message }))
})

test.each([
  ['a new sequence set', [unit(0x67, 9), unit(0x65, 9)], 'a picture brings a parameter set of its own'],
  ['a new picture set', [unit(0x68, 9), unit(0x65, 9)], 'a picture brings a parameter set of its own'],
  ['no picture', [unit(0x06, 1)], 'a picture is empty'],
  ['a length past the end', [Buffer.from([0, 0, 1, 0, 0x65])], 'a picture is damaged'],
  [
    'a length past the end behind a slice',
    [unit(0x65, 9), Buffer.from([0xff, 255, 255, 255, 0x65])],
    'a picture is damaged',
  ],
  ['half a length at the end', [unit(0x65, 9), Buffer.from([0, 0])], 'a picture is damaged'],
])('%s is refused in any picture', (_, units, message) => {
  for (const key of [true, false])
    expect(check(units as Buffer[], key)).toThrow(expect.objectContaining({ code: 'copy_refused', message }))
})

test.each([
  ['too short', avcC.subarray(0, 6)],
  ['cut off in a set', avcC.subarray(0, 10)],
  ['cut off in front of a set', avcC.subarray(0, 12 + 2)],
])('a configuration that is %s is refused', (_, broken) => {
  expect(() => parseConfiguration(Buffer.from(broken))).toThrow(
    expect.objectContaining({ code: 'copy_refused' }),
  )
})
