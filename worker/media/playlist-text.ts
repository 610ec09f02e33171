import { extinf, header } from './playlist.ts'
import { attributes, keyLines, lines, quoted, subtitleGroup } from './playlist-attributes.ts'

/** A rendition of subtitles, as the master names it. */
export interface TextRendition {
  /** Relative to the master. */
  readonly uri: string
  /** BCP 47, or 'und'. */
  readonly language: string
  /** What its file called it; '' for nothing. */
  readonly title: string
  readonly isDefault: boolean
  readonly forced: boolean
  readonly forDeaf: boolean
}

/** The media playlist of a rendition: WebVTT files one after the other. keyUri: where their key is, if they have one. */
export function textPlaylist(segments: readonly { uri: string; seconds: number }[], keyUri?: string): string {
  const target = Math.max(1, ...segments.map(({ seconds }) => Math.round(seconds)))
  return lines(
    // 3 is what fractions of a second need (RFC 8216 section 7).
    ...header(3, target),
    ...keyLines(keyUri),
    ...segments.flatMap(({ uri, seconds }) => [`#EXTINF:${extinf(seconds)},`, uri]),
    '#EXT-X-ENDLIST',
  )
}

/**
 * The lines of the master for all renditions. Names are unique, at most one is the default, and of several alike
 * (same language, same kind) a player picks only the first by itself (RFC 8216 4.3.4.1.1).
 */
export function subtitleLines(renditions: readonly TextRendition[]): string[] {
  const names = namesOf(renditions)
  const preferred = renditions.find(({ isDefault, forced }) => isDefault && !forced)
  const alike = new Set<string>()
  const order = [...new Set([...(preferred ? [preferred] : []), ...renditions])]
  const automatic = new Set(
    order.filter(({ language, forced, forDeaf }) => {
      const kind = `${language} ${forced} ${forDeaf}`
      return !alike.has(kind) && alike.add(kind)
    }),
  )
  return renditions.map((rendition, at) => {
    const { language, uri, forced, forDeaf } = rendition
    return `#EXT-X-MEDIA:${attributes({
      TYPE: 'SUBTITLES',
      'GROUP-ID': quoted(subtitleGroup),
      NAME: quoted(names[at]!),
      LANGUAGE: quoted(language),
      DEFAULT: rendition === preferred ? 'YES' : 'NO',
      AUTOSELECT: automatic.has(rendition) ? 'YES' : 'NO',
      FORCED: forced ? 'YES' : 'NO',
      ...(forDeaf ? { CHARACTERISTICS: quoted(forTheDeaf) } : {}),
      URI: quoted(uri),
    })}`
  })
}

/** Apple 4.5: what tells subtitles for the deaf from others. */
const forTheDeaf =
  'public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound'

function namesOf(renditions: readonly TextRendition[]): string[] {
  const taken = new Set<string>()
  return renditions.map(({ language, title, forced, forDeaf }) => {
    const base = title || `${nameOf(language)}${forced ? ' (forced)' : ''}${forDeaf ? ' (SDH)' : ''}`
    let name = base
    for (let number = 2; taken.has(name); number++) name = `${base} ${number}`
    taken.add(name)
    return name
  })
}

/** What the speakers of a language call it: English, Deutsch, 한국어. */
function nameOf(language: string): string {
  if (language === 'und') return 'Subtitles'
  try {
    return new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language
  } catch {
    return language
  }
}
