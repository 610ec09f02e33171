/** Plays one of the videos with hls.js: quality buttons, a line of figures, and a strip with previews. */
import Hls from '/hls.mjs'
import { openStoryboard } from '/storyboard.mjs'

const at = (id) => document.getElementById(id)
const video = at('video')
const pageRefreshMs = 3000

/** For the browser test and for the curious: what plays, and every error that ended playing. */
const player = { video, hls: undefined, fatal: [] }
window.player = player

let videos = []
let shown = -1
await refresh()
setInterval(refresh, pageRefreshMs)
setInterval(showStats, 500)

/** Several videos become ready one after the other; a new one appears without a reload. */
async function refresh() {
  const answer = await fetch('/videos.json').catch(() => undefined)
  if (!answer?.ok) return
  const found = await answer.json()
  if (found.length === videos.length && found.length > 0) return
  videos = found
  if (videos.length === 0) {
    at('title').textContent = 'Nothing is ready yet'
    return
  }
  at('videos').hidden = videos.length < 2
  showButtons(
    at('videos'),
    videos.map((each, index) => ({ text: each.title, index })),
    shown,
    play,
  )
  if (shown < 0) play(0)
}

function play(index) {
  shown = index
  const { title, master, poster, storyboard } = videos[index]
  document.title = at('title').textContent = title
  press(at('videos'), index)
  player.hls?.destroy()
  video.poster = poster ?? ''
  at('error').hidden = true
  openStoryboard({ video, strip: at('strip'), address: storyboard })
  if (!Hls.isSupported()) {
    video.src = master
    return
  }
  const hls = new Hls()
  player.hls = hls
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (data.fatal) report(`${data.type}: ${data.details}`)
  })
  hls.on(Hls.Events.MANIFEST_PARSED, showQualities)
  hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, showLanguages)
  hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, showSubtitles)
  hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, () => press(at('subtitles'), hls.subtitleTrack))
  hls.loadSource(master)
  hls.attachMedia(video)
}

function showQualities() {
  const { hls } = player
  const levels = hls.levels.map((level, index) => ({ text: levelName(level), index }))
  const choices = [{ text: 'Auto', index: -1 }, ...levels.reverse()]
  showButtons(at('qualities'), choices, -1, (index) => {
    // The next segment comes in the chosen quality; what plays goes on without a break.
    hls.nextLevel = index
    press(at('qualities'), index)
  })
}

/** Hidden where there is nothing to choose. */
function showLanguages() {
  const { hls } = player
  const tracks = hls.audioTracks.map(({ name }, index) => ({ text: name, index }))
  at('languages').hidden = tracks.length < 2
  showButtons(at('languages'), tracks, hls.audioTrack, (index) => {
    hls.audioTrack = index
    press(at('languages'), index)
  })
}

/** One button a language; what is forced a player shows by itself. */
function showSubtitles() {
  const { hls } = player
  const tracks = hls.subtitleTracks.map(({ name }, index) => ({ text: name, index }))
  at('subtitles').hidden = tracks.length === 0
  showButtons(
    at('subtitles'),
    [{ text: 'No subtitles', index: -1 }, ...tracks],
    hls.subtitleTrack,
    (index) => {
      hls.subtitleDisplay = index >= 0
      hls.subtitleTrack = index
    },
  )
}

function showStats() {
  const level = player.hls?.levels[player.hls.currentLevel]
  if (level === undefined) return
  const facts = [
    levelName(level),
    `${video.videoWidth} × ${video.videoHeight}`,
    `${(level.bitrate / 1e6).toFixed(2)} Mbit/s at most`,
    `${bufferedSeconds().toFixed(1)} s in the buffer`,
  ]
  const dropped = video.getVideoPlaybackQuality().droppedVideoFrames
  if (dropped > 0) facts.push(`dropped frames: ${dropped}`)
  at('stats').textContent = facts.join('  ·  ')
}

/** By the short side, as people name them, upright videos too; with the codec, unless it is the usual one. */
function levelName({ width, height, videoCodec = '' }) {
  const codec = videoCodec.startsWith('av01') ? ' AV1' : videoCodec.startsWith('hvc1') ? ' HEVC' : ''
  return height > 0 ? `${Math.min(width, height)}p${codec}` : 'Sound'
}

function bufferedSeconds() {
  for (let i = 0; i < video.buffered.length; i++) {
    const inside =
      video.currentTime >= video.buffered.start(i) - 0.1 && video.currentTime <= video.buffered.end(i)
    if (inside) return video.buffered.end(i) - video.currentTime
  }
  return 0
}

function showButtons(place, choices, pressed, choose) {
  place.replaceChildren(
    ...choices.map(({ text, index }) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.textContent = text
      button.dataset.index = index
      button.addEventListener('click', () => choose(index))
      return button
    }),
  )
  press(place, pressed)
}

function press(place, index) {
  for (const button of place.children)
    button.setAttribute('aria-pressed', button.dataset.index === String(index))
}

function report(message) {
  player.fatal.push(message)
  at('error').textContent = `Playing stopped: ${message}`
  at('error').hidden = false
}
