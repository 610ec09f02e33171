import { expect, test } from '@jest/globals'
import { chaptersVtt, describeChapters } from '../../../worker/media/chapters.ts'
import { subtitleLines, type TextRendition, textPlaylist } from '../../../worker/media/playlist-text.ts'

const rendition = (changes: Partial<TextRendition> = {}): TextRendition => ({
  ...{ uri: 'text-0/index.m3u8', language: 'en', title: '' },
  ...{ isDefault: false, forced: false, forDeaf: false, ...changes },
})
const attribute = (line: string, name: string) =>
  new RegExp(`[:,]${name}=("[^"]*"|[^,]*)`).exec(line)?.[1]?.replaceAll('"', '')
const column = (renditions: TextRendition[], name: string) =>
  subtitleLines(renditions).map((line) => attribute(line, name))

test('names are unique, in the language itself, and say what kind it is', () => {
  const all = [
    ...[rendition(), rendition({ forced: true }), rendition({ forDeaf: true }), rendition()],
    ...[rendition({ language: 'ko' }), rendition({ language: 'und' }), rendition({ title: 'English 2' })],
  ]
  const names = [
    'English',
    'English (forced)',
    'English (SDH)',
    'English 2',
    '한국어',
    'Subtitles',
    'English 2 2',
  ]
  expect(column(all, 'NAME')).toEqual(names)
})

test('one default at most, never a forced one; of several alike the player picks one by itself', () => {
  const all = [
    ...[rendition({ forced: true, isDefault: true }), rendition(), rendition({ isDefault: true })],
    ...[rendition({ isDefault: true }), rendition({ forDeaf: true }), rendition({ language: 'de' })],
  ]
  expect(column(all, 'DEFAULT')).toEqual(['NO', 'NO', 'YES', 'NO', 'NO', 'NO'])
  expect(column(all, 'AUTOSELECT')).toEqual(['YES', 'NO', 'YES', 'NO', 'YES', 'YES'])
  expect(column(all, 'FORCED')).toEqual(['YES', 'NO', 'NO', 'NO', 'NO', 'NO'])
  expect(column(all, 'CHARACTERISTICS').map(Boolean)).toEqual([false, false, false, false, true, false])
})

test('the playlist of a rendition has a target of its own', () => {
  const segments = [
    { uri: 'a.vtt', seconds: 60 },
    { uri: 'b.vtt', seconds: 10.25 },
  ]
  expect(textPlaylist(segments)).toBe(
    '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:60\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n' +
      '#EXTINF:60.000000,\na.vtt\n#EXTINF:10.250000,\nb.vtt\n#EXT-X-ENDLIST\n',
  )
})

test('chapters lie on the clock of the pictures, in order, and inside the video', () => {
  const found = describeChapters(
    [
      { start_time: '31.5', end_time: '99', tags: { title: ' The\u0007 end -->' } },
      { start_time: '1.0', end_time: '1.0', tags: { title: 'A <b>& B' } },
      { start_time: '11.5', end_time: '40' },
      { start_time: '61.5', end_time: '70', tags: { title: 'behind it' } },
      { start_time: 'x', end_time: 'y' },
    ],
    1.5,
    60,
  )
  expect(found).toEqual([
    { start: 0, end: 10, title: 'A b & B' },
    { start: 10, end: 30, title: 'Chapter 2' },
    { start: 30, end: 60, title: 'The end -->'.replace(/>/, '').trim() },
  ])
  expect(chaptersVtt(found.slice(0, 1))).toBe('WEBVTT\n\n1\n00:00:00.000 --> 00:00:10.000\nA b &amp; B\n')
  expect(describeChapters([], 0, 10)).toEqual([])
})
