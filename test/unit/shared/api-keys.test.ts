import { expect, test } from '@jest/globals'
import { readVideoKey } from '../../../shared/api-keys.ts'

const key = 'AAECAwQFBgcICQoLDA0ODw=='
const uri = 'https://api.example/keys/7?v=1'
const answer = (json: unknown, status = 200) => ({ status, text: JSON.stringify(json) })

test('a key is 16 bytes in base64 with the address where players get it', () => {
  const given = readVideoKey(answer({ key, uri, more: 1 }))
  expect(given).toEqual({ key: Buffer.from([...Array(16).keys()]), uri })
})

test.each([
  ['no key', { uri }],
  ['a key that is too short', { key: 'AAECAw==', uri }],
  ['a key that is not base64', { key: key.replace('A', '!'), uri }],
  ['no address', { key }],
  ['an address that ends its quotes', { key, uri: 'https://x/"\nfoo' }],
  ['an address that is too long', { key, uri: `https://x/${'a'.repeat(2048)}` }],
  ['the key as its own address', { key, uri: `data:;base64,${key}` }],
  ['the key in its address', { key, uri: `https://x/000102030405060708090A0B0C0D0E0F` }],
  ['nothing', null],
])('%s is refused, in words that do not hold it', (_, json) => {
  const read = () => readVideoKey(answer(json))
  expect(read).toThrow(expect.objectContaining({ code: 'key_unavailable' }))
  expect(read).not.toThrow('AAEC')
})

test('a video that the API does not know has no key', () => {
  expect(() => readVideoKey(answer({}, 404))).toThrow(expect.objectContaining({ code: 'key_unavailable' }))
  expect(() => readVideoKey(answer({ detail: 'no' }, 400))).toThrow(
    expect.objectContaining({ code: 'api_refused' }),
  )
})
