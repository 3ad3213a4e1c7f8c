import { useEffect, useRef, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import type { ChainVerdict } from '../answers/audit_chain'
import { asTrouble, type Trouble } from '../api/problem'
import { trailHead } from '../api/queries'
import { CopyCommand } from '../parts/copy'
import { keepFile } from '../parts/keep_file'
import { Failed, Panel, sourceOf } from '../parts/panel'
import { State } from '../parts/state'
import { verifiedTrail, wholeTrail } from '../store/trail'
import { count, plural } from '../words/format'
import type { StateLook } from '../words/states'

const NOT_YET: StateLook = { word: 'not verified here yet', tone: 'quiet', shape: 'ring' }
const WHOLE: StateLook = { word: 'every entry is as it was written', tone: 'good', shape: 'check' }
const BROKEN: StateLook = { word: 'not as it was written', tone: 'bad', shape: 'cross' }
/** Breaks that are listed. */
const MOST = 20

/** How it stands with the trail: each entry holds the digest of the one before, and a browser can go along all of them. */
export function Chain() {
  const source = sourceOf(useQuery(trailHead))
  const [goes, setGoes] = useState<number | null>(null)
  const [verdict, setVerdict] = useState<ChainVerdict | null>(null)
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const ends = useRef<AbortController | null>(null)
  useEffect(() => () => ends.current?.abort(), [])
  async function verify(): Promise<void> {
    ends.current = new AbortController()
    setGoes(0)
    setTrouble(null)
    try {
      setVerdict(await verifiedTrail(ends.current.signal, setGoes))
    } catch (error) {
      if (!ends.current.signal.aborted) setTrouble(asTrouble(error))
    } finally {
      setGoes(null)
    }
  }
  return (
    <Panel
      title="The chain"
      source={source}
      flush
      acts={
        <>
          {goes === null ? (
            <button type="button" className="act" onClick={() => void verify()}>
              Verify it
            </button>
          ) : (
            <button type="button" className="act" onClick={() => ends.current?.abort()}>
              Leave it
            </button>
          )}
          <button type="button" className="act" onClick={() => void keepFile('audit.jsonl', wholeTrail)}>
            Export
          </button>
          <CopyCommand command="allot audit verify" />
        </>
      }
      empty={(head) => (head.number ? null : <span>Nothing was done yet: the chain begins with the first act.</span>)}
    >
      {(head) => (
        <>
          <div className="note chain" role="status">
            {goes === null ? <State of={verdict === null ? NOT_YET : verdict.breaks.length ? BROKEN : WHOLE} /> : <span>{goes ? `${plural(goes, 'entry', 'entries')} so far` : 'begins'}</span>}
            <span>{verdict === null ? `it goes to entry ${count(head.number)}` : `${plural(verdict.entries, 'entry', 'entries')}, to`}</span>
            <span className="mono anywhere" title="digest of the newest entry: a copy of it elsewhere shows a chain that was made anew">
              {verdict?.digest || head.digest}
            </span>
          </div>
          {trouble && <Failed trouble={trouble} again={() => void verify()} />}
          {verdict && verdict.breaks.length > 0 && (
            <ul className="lines">
              {verdict.breaks.slice(0, MOST).map((each) => (
                <li key={each.number}>
                  <span />
                  <b className="tone-bad">{count(each.number)}</b>
                  <span>{each.said}</span>
                </li>
              ))}
              {verdict.breaks.length > MOST && (
                <li>
                  <span />
                  <span />
                  <span className="faint">and {count(verdict.breaks.length - MOST)} more: the command names each</span>
                </li>
              )}
            </ul>
          )}
        </>
      )}
    </Panel>
  )
}
