/** The awkward files that `npm run corpus -- --made` makes (made-kinds.ts says how to read them). */
import {
  aac,
  both,
  closed,
  cutShort,
  hear,
  type MadeFile,
  more,
  mp2,
  mpeg2,
  one,
  opened,
  openHevc,
  refreshed,
  see,
  speech,
  spliced,
  withHole,
  woven,
  x264,
  x265,
} from './made-kinds.ts'
import { moreFiles } from './made-more.ts'

export const madeFiles: readonly MadeFile[] = [
  // Cuts where no decoder can begin.
  cutShort('cut-hevc-open.ts', openHevc, { seconds: 6, pairs: 3 }),
  more(
    'cut-hevc-open.mp4',
    [`${both(12)} ${openHevc} ${aac} part-hevc.mp4`, '-ss 4.9 -i part-hevc.mp4 -c copy cut-hevc-open.mp4'],
    { seconds: 7.08 },
  ),
  cutShort('cut-h264-open.ts', opened, { seconds: 6, pairs: 3 }),
  more(
    'cut-h264-open.mp4',
    [`${both(12)} ${opened} ${aac} part-h264.mp4`, '-ss 4.9 -i part-h264.mp4 -c copy cut-h264-open.mp4'],
    { seconds: 7.08 },
  ),
  cutShort('cut-h264-closed.ts', closed, { seconds: 6, pairs: 3 }),
  one('intra-refresh.mp4', `${both()} ${refreshed} ${aac}`),
  cutShort('intra-refresh-cut.ts', refreshed, { seconds: 4.28, pairs: 2 }),
  one('one-key-frame.mkv', `${both(12)} ${x264} -g 9999 -x264-params scenecut=0 ${aac}`, {
    seconds: 12,
    pairs: 6,
  }),
  // Several tracks.
  one('two-videos.ts', `${see(8, '25', '160x90')} ${see()} ${hear()} -map 0 -map 1 -map 2 ${closed} ${aac}`),
  one('two-videos.mkv', `${see()} ${see(8, '25', '160x90')} ${hear()} -map 0 -map 1 -map 2 ${closed} ${aac}`),
  // Clocks.
  spliced('clock-4s-forward.ts', `${both(4)} ${closed} ${aac} -output_ts_offset 8.08`, {
    seconds: 12,
    alike: 28,
  }),
  spliced('clock-4s-back.ts', `${both(4)} ${closed} ${aac}`),
  spliced('clock-1h-back.ts', `${both(4)} ${closed} ${aac} -output_ts_offset 3600.08`),
  // Too large to be listed whole: stuffed to 14 Mbit/s.
  {
    ...more('joined-large.ts', [
      `${both(12)} ${closed} ${aac} -muxrate 14M part-c-joined-large.ts`,
      `${both(12)} ${closed} ${aac} -muxrate 14M part-d-joined-large.ts`,
    ]),
    ...{ splice: ['part-c-joined-large.ts', 'part-d-joined-large.ts'], seconds: 24, pairs: 12 },
  },
  one('clock-wraps.ts', `${both()} ${closed} ${aac} -output_ts_offset 95438`),
  // Sound.
  // No decoder is changed on the way: silent from there on.
  spliced('sound-codec-changes.ts', `${both(4)} ${closed} ${mp2} -tables_version 1 -output_ts_offset 4.08`, {
    pairs: 2,
  }),
  spliced(
    'sound-channels-change.ts',
    `${both(4)} ${closed} -c:a ac3 -ac 6 -tables_version 1 -output_ts_offset 4.08`,
    {},
    '-c:a ac3 -ac 2',
  ),
  spliced(
    'sound-rate-changes.ts',
    `${both(4)} ${closed} ${aac} -ar 32000 -ac 2 -tables_version 1 -output_ts_offset 4.08`,
  ),
  one('sound-late.mp4', `${see(9)} -itsoffset 3 ${hear(6, 48_000, 'mono', 3)} ${closed} ${aac}`, {
    seconds: 9,
    pairs: 3,
  }),
  one('sound-late.ts', `${see(9)} -itsoffset 3 ${hear(6, 48_000, 'mono', 3)} ${closed} ${aac}`, {
    seconds: 9,
    pairs: 3,
  }),
  one('sound-early-end.mp4', `${see(9)} ${hear(6)} ${closed} ${aac}`, { seconds: 9, pairs: 3 }),
  one('sound-51.mkv', `${see()} ${hear(8, 48_000, '5.1')} ${closed} -c:a ac3`),
  one('sound-71.mkv', `${see()} ${hear(8, 48_000, '7.1')} ${closed} -c:a flac`),
  one('sound-71-behind.mov', `${see()} ${hear()} -af pan=7.1|BL=c0 ${closed} -c:a pcm_s16le`),
  one('sound-8khz.mp4', `${see()} ${hear(8, 8000)} ${closed} ${aac}`),
  one('sound-96khz-24bit.mov', `${see()} ${hear(8, 96_000, 'stereo')} ${closed} -c:a pcm_s24le`),
  one('sound-192khz.mkv', `${see()} ${hear(8, 192_000, 'stereo')} ${closed} -c:a pcm_f32le`),
  // Fields.
  ...(['tff', 'bff'] as const).flatMap((first) => [
    one(
      `fields-${first}.ts`,
      `${both(8, '60000/1001')} ${woven(first)} ${mpeg2} -flags +ildct+ilme -top ${first === 'tff' ? 1 : 0} ${mp2}`,
      { frames: 240 },
    ),
    one(
      `fields-${first}-unmarked.mp4`,
      `${both(4, '60000/1001', '720x480')} ${woven(first)} ${closed} -field_order progressive ${aac}`,
      { size: '720x480', seconds: 4, pairs: 2, frames: 120 },
    ),
  ]),
  ...[
    ['pal-16x11.mp4', '16/11', '1047x576', `${x264} -flags +ildct+ilme -top 1 ${aac}`] as const,
    ['pal-12x11.mp4', '12/11', '785x576', `${x264} -flags +ildct+ilme -top 1 ${aac}`] as const,
    ['pal-wide.vob', '64/45', '1024x576', `${mpeg2} -flags +ildct+ilme -top 1 -c:a ac3`] as const,
  ].map(([file, ratio, size, codecs]) =>
    one(file, `${both(3, '50', '720x576')} ${woven('tff')},setsar=${ratio} ${codecs}`, {
      ...{ size, seconds: 3, pairs: 1 },
    }),
  ),
  // Shapes and kinds of pictures.
  more(
    'turned-wide-pixels.mp4',
    [
      `${both()} -vf setsar=4/3 ${closed} ${aac} part-wide.mp4`,
      '-i part-wide.mp4 -c copy -metadata:s:v rotate=90 turned-wide-pixels.mp4',
    ],
    { size: '180x427' },
  ),
  one(
    'alpha.webm',
    `${both()} -vf format=yuva420p,colorchannelmixer=aa=0.5 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus`,
  ),
  one('alpha.mov', `${both(4)} -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le -c:a pcm_s16le`, {
    seconds: 4,
    pairs: 2,
  }),
  one(
    'hlg.mp4',
    `${both(4)} ${x265.replace('yuv420p', 'yuv420p10le')}:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc -tag:v hvc1 ${aac}`,
    { seconds: 4, pairs: 2 },
  ),
  one('full-range.mp4', `${both()} -vf scale=out_range=pc,format=yuvj420p -c:v libx264 -g 50 ${aac}`),
  one('full-colour.mp4', `${both()} -c:v libx264 -pix_fmt yuv444p -g 50 ${aac}`),
  one('odd-sides.avi', `${both(8, '25', '321x181')} -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le`, {
    size: '321x181',
  }),
  one('needle.mkv', `${both(4)} -vf scale=1:1000 -c:v ffv1 -pix_fmt gray -c:a flac`, {
    expect: 'either',
    seconds: 4,
    pairs: 0,
  }),
  one('ribbon.mkv', `${both(4, '25', '1000x10')} -c:v ffv1 -pix_fmt yuv444p -c:a flac`, {
    expect: 'either',
    seconds: 4,
    pairs: 2,
  }),
  // Paces and holes.
  one(
    'pace-1-to-60.mp4',
    `${both(9, '60')} -vf select='lt(t,3)+gte(t,6)*not(mod(n,4))+not(mod(n,60))' -fps_mode vfr ${x264} ${aac}`,
    { variableRate: true, seconds: 8.95 },
  ),
  // Too large to be listed whole; at its start nothing moves.
  one(
    'pace-later.mov',
    `${see(72, '30')} ${hear(72, 48_000, '5.1')} -vf select='not(mod(n,3))+gte(t,62)' -fps_mode vfr ${x264} -g 90 -c:a pcm_s16le`,
    { seconds: 72, pairs: 36, variableRate: true, rate: 30 },
  ),
  one('pace-120.mp4', `${both(4, '120', '160x90')} ${x264} ${aac}`, {
    size: '160x90',
    seconds: 4,
    pairs: 2,
    frames: 480,
  }),
  one('pace-7.5.mp4', `${both(8, '15/2')} ${x264} ${aac}`, { frames: 60 }),
  one(
    'hole.mp4',
    `${both(12)} -vf select='not(between(t,4.51,7.49))' -fps_mode passthrough ${x264} -bf 0 -use_editlist 0 ${aac}`,
    { seconds: 12, pairs: 4, alike: 28, variableRate: true },
  ),
  one(
    'hole-edit-list.mp4',
    `${both(12)} -vf select='not(between(t,4.51,7.49))' -fps_mode passthrough ${x264} ${aac}`,
    { seconds: 12, pairs: 4, alike: 28, variableRate: true },
  ),
  one(
    'hole-all.mkv',
    `${both(12)} -vf select='not(between(t,4.51,7.49))' -af aselect='not(between(t,4.51,7.49))' -fps_mode passthrough ${x264} -c:a flac`,
    { seconds: 12, pairs: 4, alike: 28, variableRate: true },
  ),
  {
    ...one('hole-by-edits.mp4', `${both(9)} ${closed} -bf 0 ${aac}`, {
      seconds: 12,
      pairs: 4,
      variableRate: true,
    }),
    patch: withHole,
  },
  // Containers.
  one(
    'fragments.mp4',
    `${both(12)} ${closed} ${aac} -movflags frag_keyframe+empty_moov+default_base_moof+skip_trailer`,
    { seconds: 12, pairs: 6 },
  ),
  one(
    'delays.gif',
    `${see(6, '25')} -vf select='lt(t,2)*not(mod(n,5))+gte(t,2)*not(mod(n,25))' -fps_mode vfr`,
    { expect: 'either', audio: false, variableRate: true, seconds: 6, pairs: 0 },
  ),
  one('packed.avi', `${see()} -c:v libxvid -bf 2 -q:v 4`, { seconds: 7.92, frames: 198, audio: false }),
  one('flash.flv', `${both()} -c:v flv1 -q:v 4 -c:a libmp3lame -ar 44100`),
  one('flash-h264.flv', `${both()} ${closed} ${aac}`),
  one('mpeg1.mpg', `${both()} -c:v mpeg1video -q:v 4 ${mp2} -f mpeg`),
  one('windows.wmv', `${both()} -c:v wmv2 -q:v 4 -c:a wmav2`),
  one('phone.3gp', `${both(8, '25', '176x144')} -c:v h263 -q:v 4 ${aac} -ar 16000`, { size: '176x144' }),
  one('theora.ogv', `${both()} -c:v libtheora -q:v 6 -c:a libvorbis -ac 2`),
  one('opus.mp4', `${both()} ${closed} -c:a libopus`),
  one('dts.mkv', `${see()} ${hear(8, 48_000, '5.1')} ${closed} -c:a dca -strict -2`),
  one('timecode.mov', `${both()} ${closed} ${aac} -timecode 10:00:00:00`),
  more(
    'fonts-cover-ass.mkv',
    [
      `${see(1)} -frames:v 1 part-cover.jpg`,
      `${both()} -i part-lines.srt ${closed} ${aac} -c:s ass -metadata:s:s:0 language=ger -attach part-font.ttf ` +
        '-metadata:s:t:0 mimetype=application/x-truetype-font -attach part-cover.jpg ' +
        '-metadata:s:t:1 mimetype=image/jpeg -metadata:s:t:1 filename=cover.jpg fonts-cover-ass.mkv',
    ],
    {
      beside: {
        'part-lines.srt': '1\n00:00:01,000 --> 00:00:02,000\nflash\n',
        'part-font.ttf': new Uint8Array(5000),
      },
    },
  ),
  more('phone-amr.3gp', [`${see()} -i part-speech.amr ${closed} -c:a copy phone-amr.3gp`], {
    inStep: false,
    beside: { 'part-speech.amr': speech(8) },
  }),
  ...moreFiles,
]
