import { useQuery, type UseQueryOptions } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Told } from '../answers/queries'
import type { AnswerSource } from '../api/schema'
import { useNow } from '../store/now'
import { plural, span } from '../words/format'
import { Panel, type Source, sourceOf } from './panel'
import { Glyph } from './state'

interface AnswerPanelProps<D> {
  readonly title: ReactNode
  readonly source: Source<Told<D>>
  /** What else has numbers in its rows, by what is not known without it. */
  readonly beside?: Readonly<Record<string, Source<unknown>>>
  readonly acts?: ReactNode
  readonly flush?: boolean
  readonly brief?: boolean
  readonly empty?: (document: D) => ReactNode | null
  readonly truncated?: (document: D) => ReactNode | null
  /** Sentences of the document on what it lacks. */
  readonly remarks?: (document: D) => readonly string[]
  readonly children: (document: D) => ReactNode
}

/** A panel over an answer: what it rests on, how old that is, and what of it could not be seen is told with it. */
export function AnswerPanel<D>({ source, beside, acts, empty, truncated, remarks, children, ...more }: AnswerPanelProps<D>) {
  const others = Object.entries(beside ?? {})
  const unknown = others.flatMap(([what, { data, trouble }]) => (trouble && data === undefined ? [`${what} is not known: ${trouble.what}`] : []))
  const resting = (told: Told<D>) => sourcesOf([told, ...others.map(([, each]) => each.data)])
  return (
    <Panel
      {...more}
      source={source}
      busy={others.some(([, each]) => each.data === undefined && !each.trouble)}
      acts={
        <>
          {source.data && <SeenAge sources={resting(source.data)} at={source.at} />}
          {acts}
        </>
      }
      stale={(told) => staleOf(resting(told))}
      partial={(told) => lackingOf(resting(told), [...(remarks?.(told.document) ?? []), ...unknown])}
      empty={(told) => empty?.(told.document) ?? null}
      truncated={(told) => truncated?.(told.document) ?? null}
    >
      {(told) => children(told.document)}
    </Panel>
  )
}

/** What several rest on, of which some are no answers: each source once, as the last that has it tells. */
export function sourcesOf(told: readonly unknown[]): readonly AnswerSource[] {
  const found = told.flatMap((each) => (each as Partial<Told<unknown>> | undefined)?.sources ?? [])
  return [...new Map(found.map((each) => [each.name, each])).values()]
}

/** How old the oldest is of what still answers. */
function SeenAge({ sources, at }: { sources: readonly AnswerSource[]; at: number }) {
  const now = useNow(1000)
  const ages = sources.flatMap((each) => (each.state === 'current' && each.age_seconds !== null ? [each.age_seconds] : []))
  if (!ages.length) return null
  const age = Math.max(...ages) * 1000 + Math.max(0, now - at)
  return (
    <span className="age roomy" title={`${ages.length} of ${plural(sources.length, 'source')} ${ages.length === 1 ? 'answers' : 'answer'}`}>
      seen {span(age)} ago
    </span>
  )
}

export function staleOf(sources: readonly AnswerSource[]): string | null {
  const old = sources.filter((each) => each.state === 'stale')
  return old.length
    ? old.map((each) => `${each.name} as it was ${span((each.age_seconds ?? 0) * 1000)} ago`).join('; ')
    : null
}

/** What could not be seen; what a team may not see is no lack. */
export function lackingOf(sources: readonly AnswerSource[], remarks: readonly string[]): string | null {
  const found = sources.flatMap((each) => {
    if (each.state === 'silent') return [`all of ${each.name}`]
    const gaps = [...new Set(each.gaps.filter((gap) => gap.reason !== 'hidden').map((gap) => gap.what))]
    return gaps.length ? [`${gaps.join(', ')} of ${each.name}`] : []
  })
  const named = new Set(sources.map((each) => each.name))
  // What a remark says of a source is said already.
  const more = remarks.filter((each) => !named.has(each.split(':')[0] ?? ''))
  const all = [...(found.length ? [`not seen: ${found.join(', ')}`] : []), ...more]
  return all.length ? all.join('; ') : null
}

export function useAnswer<D>(options: UseQueryOptions<Told<D>, Error, Told<D>, string[]>): Source<Told<D>> {
  return sourceOf(useQuery(options))
}

/** What all answers of a screen rest on, told once above them. */
export function RestsOn({ of }: { of: readonly Source<Told<unknown>>[] }) {
  const now = useNow(1000)
  const told = of.flatMap((each) => (each.data ? [each.data] : []))
  const sources = sourcesOf(told)
  const failed = of.filter((each) => each.data && each.trouble)
  const old = [
    staleOf(sources),
    failed.length > 0 && `${span(now - Math.min(...failed.map((each) => each.at)))} old: ${failed[0]?.trouble?.what}`,
  ].filter(Boolean)
  const missing = lackingOf(sources, [])
  if (!old.length && !missing) return null
  return (
    <div className="panel rests-on" role="status">
      {old.length > 0 && (
        <span className="state tone-wait">
          <Glyph shape="half" tone="wait" />
          <span>{old.join('; ')}</span>
        </span>
      )}
      {missing && (
        <span className="state tone-wait">
          <Glyph shape="dash" tone="wait" />
          <span>{missing}</span>
        </span>
      )}
      {failed.length > 0 && (
        <button type="button" className="act plain" onClick={() => failed.forEach((each) => each.again())}>
          Ask again
        </button>
      )}
    </div>
  )
}
