import { expect, test } from 'vitest'
import { renderMarkdown } from './markdown.ts'

test('Markdown becomes HTML', () => {
  expect(renderMarkdown('**AUC** is `0.7`\n\n| a | b |\n|---|---|\n| 1 | 2 |')).toContain(
    '<strong>AUC</strong> is <code>0.7</code>',
  )
})

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[a](javascript:alert(1))',
  '[a](  JaVaScRiPt:alert(1))',
  '[a](java&#115;cript:alert(1))',
  '[a](data:text/html;base64,PHNjcmlwdD4=)',
  '[a](vbscript:x)',
  '<javascript:alert(1)>',
  '```"><script>\nx\n```',
  '[a](http://x/"onmouseover="alert(1))',
  '![a](http://x/" onerror="alert(1))',
])('%s runs nothing', (text) => {
  const html = renderMarkdown(text)
  expect(html).not.toMatch(/<script|<img[^>]*onerror|href="(javascript|vbscript|data):/i)
  for (const [tag] of html.matchAll(/<[^>]*>/g)) expect(tag).not.toMatch(/\son\w+=/)
})

test.each(['https://evil.example/x.png', '//evil.example/x.png', 'data:image/png;base64,AA=='])(
  'the image %s is not loaded',
  (address) => {
    expect(renderMarkdown(`![pixel](${address})`)).not.toContain('<img')
  },
)

test('an image of this server is shown, and every link opens without a reference back', () => {
  expect(renderMarkdown('![plot](/api/v1/runs/a/artifacts/plot.png)')).toContain('<img src="/api/v1/runs')
  expect(renderMarkdown('see https://example.com')).toContain('rel="noopener noreferrer nofollow"')
})

test('headings stand below the one that the text stands under', () => {
  const text = '# What\n\n##### Why'
  expect(renderMarkdown(text)).toBe('<h1>What</h1>\n<h5>Why</h5>\n')
  expect(renderMarkdown(text, { below: 2 })).toBe('<h3>What</h3>\n<h6>Why</h6>\n')
})
