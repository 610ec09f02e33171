import { WorkerError } from '../../shared/errors.ts'

/**
 * The containers we open, by ffmpeg's demuxer names. Nothing that reads other files (hls, concat, dash, sdp, imf),
 * nothing that draws text (tty), no single pictures, no raw streams without time stamps.
 */
const containers = 'mov matroska avi mpegts mpeg flv asf mxf gxf ogg rm dv wtv'.split(' ')

/**
 * Looks at the first bytes of an upload (64 KiB are plenty) and refuses, before any tool is started on it, what
 * is a playlist, a script, a text or a picture: ffmpeg would follow the first three to other files or hosts
 * (lesson 45), and would make a one-picture video of the fourth.
 * Returns the demuxers that may be tried. Throws input_empty, input_playlist or container_unsupported.
 */
export function sniff(head: Buffer): readonly string[] {
  if (head.length === 0) throw new WorkerError('input_empty', 'the file is empty')

  const text = head
    .subarray(0, 4096)
    .toString('latin1')
    .replace(/^(?:\xef\xbb\xbf|\s)+/, '')
  const playlist = playlists.find(([pattern]) => pattern.test(text))
  if (playlist) {
    throw new WorkerError(
      'input_playlist',
      `the file is ${playlist[1]} that points to other files, not a video`,
    )
  }
  const picture = pictures.find(([pattern]) => pattern.test(text))
  if (picture) {
    throw new WorkerError('container_unsupported', `the file is a picture (${picture[1]}), not a video`)
  }
  const sound = sounds.find(([pattern]) => pattern.test(text))
  if (sound) return sound[1].split(' ')
  const other = others.find(([pattern]) => pattern.test(text))
  if (other) throw new WorkerError('container_unsupported', `the file is ${other[1]}, not a video`)
  if (isText(head)) throw new WorkerError('container_unsupported', 'the file is a text, not a video')
  return containers
}

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: signatures of binary files
type Signature = readonly [pattern: RegExp, name: string]

const playlists: readonly Signature[] = [
  [/^#EXTM3U/, 'an HLS playlist'],
  [/^ffconcat version|^(?:#[^\n]*\n)*\s*file ['"]/i, 'a list of files'],
  [/^v=0\r?\n[a-z]=/, 'a session description (SDP)'],
  [/^\[playlist\]/i, 'a playlist'],
  [/<MPD[\s>]/, 'a DASH manifest'],
  [/<SmoothStreamingMedia/i, 'a streaming manifest'],
  [/^<\?xml[\s\S]*<(?:smil|asx|AssetMap|CompositionPlaylist|PackingList)/i, 'a playlist'],
  [/^<(?:asx|smil)/i, 'a playlist'],
  [/^RTSPtext|^rtsp:\/\/|^SMILtext|^rtsptext/i, 'a stream address'],
  [/^\[Reference\]/i, 'a list of addresses'],
  [/^(?:https?|file|rtmp):\/\//i, 'an address'],
]

const pictures: readonly Signature[] = [
  [/^\xff\xd8\xff/, 'JPEG'],
  [/^\x89PNG\r\n/, 'PNG'],
  [/^GIF8[79]a/, 'GIF'],
  [/^RIFF[\s\S]{4}WEBP/, 'WebP'],
  [/^(?:II\*\0|MM\0\*)/, 'TIFF'],
  [/^BM[\s\S]{4}\0{4}/, 'BMP'],
  [/^[\s\S]{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1|avif|avis)/, 'HEIF'],
  [/^8BPS/, 'PSD'],
  [/^\0\0\0\x0cjP {2}/, 'JPEG 2000'],
]

/**
 * Recordings outside of a container, with the demuxers for them. Those of MP3 and AAC see sound in any noise, so they
 * are tried on nothing but what begins like it.
 */
const sounds: readonly Signature[] = [
  [/^ID3/, 'mp3 aac flac'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'aac'],
  [/^\xff[\xe2-\xef\xf2-\xf7\xfa-\xff]/, 'mp3'],
  [/^fLaC/, 'flac'],
  [/^(?:RIFF|RF64)[\s\S]{4}WAVE/, 'wav'],
  [/^FORM[\s\S]{4}AIF/, 'aiff'],
  [/^#!AMR/, 'amr'],
]

const others: readonly Signature[] = [
  [/^%PDF-/, 'a PDF document'],
  [/^PK\x03\x04/, 'a ZIP archive or office document'],
  [/^Rar!|^7z\xbc\xaf|^\x1f\x8b/, 'an archive'],
  [/^\x7fELF|^MZ/, 'a program'],
  [/^<!doctype html|^<html/i, 'a web page'],
]

// biome-ignore-end lint/suspicious/noControlCharactersInRegex: signatures of binary files

/** No container begins with a few hundred bytes of nothing but printable characters. */
function isText(head: Buffer): boolean {
  const start = head.subarray(0, 512)
  return start.every(
    (byte) => (byte >= 32 && byte < 127) || (byte >= 7 && byte <= 13) || byte === 27 || byte >= 128,
  )
}
