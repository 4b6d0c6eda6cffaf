/// The idle pages of one region in the order in which they became idle: its share of the LRU.
///
/// A doubly linked list through an array indexed by page, because a page leaves from the middle
/// when it is used again. Every page carries the shrinker's clock of the moment it became idle, by
/// which the shrinker merges the lists of all processes into one order. All operations are O(1).
/// Not thread-safe: it lives under its owner's lock.
@safe struct IdleList: ~Copyable {
  private struct Link {
    var stamp: UInt64
    var previous: UInt16
    var next: UInt16
  }

  private static var none: UInt16 { .max }

  // INVARIANT: `links[p]` is initialised when page p is on the list; nothing else reads it.
  private let links: UnsafeMutablePointer<Link>
  private let capacity: Int
  private var head = Self.none
  private var tail = Self.none
  private(set) var count = 0

  init(pageCount: Int) {
    precondition(pageCount < Int(Self.none))
    capacity = pageCount
    unsafe links = .allocate(capacity: pageCount)
  }

  deinit {
    // SAFETY: allocated in `init`; `Link` is trivial, so there is nothing to deinitialise.
    unsafe links.deallocate()
  }

  /// The page that has been idle longest, and since when.
  var oldest: (page: Int, stamp: UInt64)? {
    guard head != Self.none else { return nil }
    // SAFETY: a page on the list has an initialised link.
    return unsafe (Int(head), links[Int(head)].stamp)
  }

  mutating func append(_ page: Int, stamp: UInt64) {
    assert(page >= 0 && page < capacity)
    let entry = UInt16(truncatingIfNeeded: page)
    // SAFETY: `page` is an index of the region (asserted); `tail` is on the list.
    unsafe (links + page).initialize(to: Link(stamp: stamp, previous: tail, next: Self.none))
    if tail == Self.none { head = entry } else { unsafe links[Int(tail)].next = entry }
    tail = entry
    count += 1
  }

  mutating func remove(_ page: Int) {
    assert(page >= 0 && page < capacity)
    // SAFETY: the caller removes only pages that are on the list, so the link is initialised and
    // its neighbours are on the list too.
    let link = unsafe links[page]
    if link.previous == Self.none {
      head = link.next
    } else {
      unsafe links[Int(link.previous)].next = link.next
    }
    if link.next == Self.none {
      tail = link.previous
    } else {
      unsafe links[Int(link.next)].previous = link.previous
    }
    count -= 1
  }

  /// Idle pages, longest idle first.
  func visit(_ body: (Int, UInt64) -> Void) {
    var page = head
    while page != Self.none {
      // SAFETY: `page` is on the list.
      let link = unsafe links[Int(page)]
      body(Int(page), link.stamp)
      page = link.next
    }
  }
}
