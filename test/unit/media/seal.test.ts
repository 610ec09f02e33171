import { createDecipheriv } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { mediaPlaylist } from '../../../worker/media/playlist.ts'
import { textPlaylist } from '../../../worker/media/playlist-text.ts'
import { loadProfiles } from '../../../worker/media/profile.ts'
import { sealWith } from '../../../worker/media/seal.ts'

const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

test('a segment is encrypted whole, by its media sequence number', () => {
  const seal = sealWith(key)
  // The vector of RFC 8216 5.2: the number, big-endian, in 16 bytes. As `openssl enc -aes-128-cbc -K … -iv …` has it.
  const iv = Buffer.from('00000000000000000000000000000102', 'hex')
  for (const length of [0, 15, 16, 1000]) {
    const data = Buffer.alloc(length, 'segment')
    const sealed = seal(data, 0x102)
    expect(sealed).toHaveLength(Math.floor(length / 16) * 16 + 16)
    const decipher = createDecipheriv('aes-128-cbc', key, iv)
    expect(Buffer.concat([decipher.update(sealed), decipher.final()])).toEqual(data)
  }
  expect(seal(Buffer.alloc(16), 1)).not.toEqual(seal(Buffer.alloc(16), 2))
})

test('playlists name the key behind the init segment, which stays as it is', () => {
  const segments = [{ number: 0, uri: 'seg-0.m4s', seconds: 6, bytes: 32 }]
  const options = { target: 6, initUri: 'init.mp4', keyUri: 'https://api.example/keys/7' }
  expect(mediaPlaylist(segments, options)).toContain(
    '#EXT-X-MAP:URI="init.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="https://api.example/keys/7"\n#EXTINF:6',
  )
  expect(textPlaylist(segments, 'https://api.example/keys/7')).toContain('#EXT-X-KEY:METHOD=AES-128,URI=')
  expect(textPlaylist(segments)).not.toContain('KEY')
})

test.each([
  [{ encryption: 'drm' }, 'own.encryption: one of none, aes-128'],
  [{ encryption: 'aes-128', segmentStorage: 'byterange' }, 'own.encryption: segments that are ranges'],
  [{ encryption: 'aes-128', layout: 'academy' }, 'own.encryption: segments of the layout academy'],
])('%j is refused', (own, words) => {
  expect(() => loadProfiles(JSON.stringify({ own }))).toThrow(words)
})
