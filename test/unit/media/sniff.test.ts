import { describe, expect, test } from '@jest/globals'
import { sniff } from '../../../worker/media/sniff.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('what is refused before any tool sees it', () => {
  test.each([
    ['an HLS playlist', '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', 'input_playlist'],
    ['one behind a byte order mark', '\xef\xbb\xbf#EXTM3U\n', 'input_playlist'],
    ['one behind blank lines', '\r\n\n  #EXTM3U\n', 'input_playlist'],
    ['a concat script', "ffconcat version 1.0\nfile 'other.mp4'\n", 'input_playlist'],
    ['a bare concat list', "# mine\nfile 'other.mp4'\n", 'input_playlist'],
    ['a session description', 'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n', 'input_playlist'],
    ['a DASH manifest', '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash">', 'input_playlist'],
    ['an address', 'http://127.0.0.1/x.mp4\n', 'input_playlist'],
    ['a JPEG', '\xff\xd8\xff\xe0\0\x10JFIF', 'container_unsupported'],
    ['a PNG', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'container_unsupported'],
    ['a GIF', 'GIF89a\x01\0\x01\0', 'container_unsupported'],
    ['a WebP', 'RIFF\x24\0\0\0WEBPVP8 ', 'container_unsupported'],
    ['a HEIC', '\0\0\0\x24ftypheic\0\0\0\0', 'container_unsupported'],
    ['a PDF', '%PDF-1.7\n%\xe2\xe3', 'container_unsupported'],
    ['an archive', 'PK\x03\x04\x14\0', 'container_unsupported'],
    ['a text', 'This is not a video.\nIt is a text.\n', 'container_unsupported'],
    ['a text with colours', '\x1b[31mred\x1b[0m\r\n', 'container_unsupported'],
    ['a web page', '<!DOCTYPE html><html>', 'container_unsupported'],
    ['nothing', '', 'input_empty'],
  ])('%s', (_, head, code) => {
    const look = () => sniff(bytes(head))
    expect(look).toThrow(expect.objectContaining({ code, kind: 'rejected' }))
    expect(look).toThrow(/^the file is [\w ,()-]+$/)
  })
})

test.each([
  ['tagged MP3', 'ID3\x04\0\0\0\0\0\0', 'mp3 aac flac'],
  ['MP3', '\xff\xfb\x50\xc4', 'mp3'],
  ['AAC', '\xff\xf1\x50\x40', 'aac'],
  ['WAVE', 'RIFF\x24\0\0\0WAVEfmt ', 'wav'],
  ['FLAC', 'fLaC\0\0\0\x22', 'flac'],
])('%s is opened as what it says, and as nothing else', (_, head, demuxers) => {
  expect(sniff(bytes(head)).join(' ')).toBe(demuxers)
})

test.each([
  ['MP4', '\0\0\0\x18ftypmp42\0\0\0\0'],
  ['QuickTime that begins with its data', '\0\0\0\x08wide\0\x10\0\0mdat'],
  ['Matroska', '\x1a\x45\xdf\xa3\x9f\x42\x86'],
  ['AVI', 'RIFF\x24\0\0\0AVI LIST'],
  ['MPEG-TS', 'G@\0\x10\0\0\xb0\r\0\x01\xc1'],
  ['MXF', '\x06\x0e+4\x02\x05\x01\x01\r\x01\x02\x01'],
  ['Flash', 'FLV\x01\x05\0\0\0\x09'],
])('%s is left to the probe', (_, head) => {
  expect(sniff(Buffer.concat([bytes(head), Buffer.alloc(600)]))).toContain('matroska')
  expect(sniff(Buffer.concat([bytes(head), Buffer.alloc(600)]))).not.toContain('mp3')
})
