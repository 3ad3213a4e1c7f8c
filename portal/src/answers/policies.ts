/** A policy as the platform directory declares it. */
export interface DeclaredPolicy {
  readonly name: string
  readonly mode: string
  /** What its comment says. */
  readonly said: string
  readonly file: string
}

/**
 * Policies of files of a platform directory. Only what stands at the beginning of a line is read: whoever wants all of a
 * document reads the file.
 */
export function policiesIn(files: Readonly<Record<string, string>>): readonly DeclaredPolicy[] {
  return Object.entries(files)
    .filter(([path]) => /\.ya?ml$/.test(path))
    .flatMap(([file, text]) =>
      text.split(/^---.*$/m).flatMap((document) => {
        if (!/^kind:\s*Policy\s*$/m.test(document)) return []
        const value = (name: string) => new RegExp(`^${name}:\\s*([^#\\n]*)`, 'm').exec(document)?.[1]?.trim() ?? ''
        const before = document.slice(0, document.search(/^kind:/m))
        const said = before
          .split('\n')
          .filter((line) => line.startsWith('#'))
          .map((line) => line.slice(1).trim())
          .join(' ')
        return [{ name: value('name'), mode: value('mode') || 'enforce', said, file }]
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
