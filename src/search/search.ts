/** What lists are asked: which things, in which order, which page of them. Of things that have metrics, params, tags and attributes. */
export {
  Filter,
  parseFilter,
  parseJson,
  parseOrder,
  type Comparison,
  type DatasetReference,
  type NumberOperator,
  type OrderTerm,
} from './filter.ts'
export {
  decodePageToken,
  encodePageToken,
  filterSql,
  indexedStart,
  orderSql,
  type Searchable,
} from './store-filter.ts'
export { searchPage, searchPageAmong, type Page, type PageQuery, type Search } from './store-page.ts'
