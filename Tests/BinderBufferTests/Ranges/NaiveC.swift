/// The C driver's rule over an array of descriptors and the naive tree.
struct NaiveC: NaiveRanges {
  let length: Int
  private let tree = NaiveTree()
  private var nodes: [NaiveTree.Node]
  private(set) var buffers: [Int: NaiveBuffer] = [:]
  private var isLatched = false
  private let countsNewBuffer: Bool

  init(length: Int) { self.init(length: length, countsNewBuffer: false) }

  /// - Parameter countsNewBuffer: Before 6.8 a new buffer is its sender's while spam is looked for.
  init(length: Int, countsNewBuffer: Bool) {
    self.length = length
    self.countsNewBuffer = countsNewBuffer
    nodes = [NaiveTree.Node(offset: 0, size: length)]
    tree.insert(nodes[0])
  }

  var live: [NaiveBuffer] { nodes.compactMap { buffers[$0.offset] } }

  mutating func reserve(_ size: Int, oneway: Bool, sender: Int32) -> Placement {
    let size = max(8, (size + 7) / 8 * 8)
    if oneway && size > freeOnewaySpace { return .noOnewaySpace }
    guard let node = tree.find(size) else { return .noSpace }
    if node.size > size {
      let rest = NaiveTree.Node(offset: node.offset + size, size: node.size - size)
      nodes.insert(rest, at: index(node) + 1)
      node.size = size
      tree.insert(rest)
    }
    tree.erase(node)
    node.isLive = true
    let owner = countsNewBuffer ? sender : node.owner
    var buffer = NaiveBuffer(
      offset: node.offset, size: size, isOneway: oneway, sender: owner ?? .min)
    buffers[node.offset] = buffer
    let isSpam = oneway && reports(sender)
    buffer.sender = sender
    node.owner = sender
    buffers[node.offset] = buffer
    return .placed(offset: node.offset, isSpam: isSpam)
  }

  private mutating func reports(_ sender: Int32) -> Bool {
    if freeOnewaySpace >= length / 10 {
      isLatched = false
      return false
    }
    if isLatched { return false }
    isLatched = floods(Array(buffers.values), sender)
    return isLatched
  }

  mutating func free(_ offset: Int) -> Range<Int> {
    var index = nodes.firstIndex { $0.offset == offset }!
    buffers[offset] = nil
    nodes[index].isLive = false
    if index + 1 < nodes.count && !nodes[index + 1].isLive {
      tree.erase(nodes[index + 1])
      nodes[index].size += nodes[index + 1].size
      nodes.remove(at: index + 1)
    }
    if index > 0 && !nodes[index - 1].isLive {
      tree.erase(nodes[index - 1])
      nodes[index - 1].size += nodes[index].size
      nodes.remove(at: index)
      index -= 1
    }
    tree.insert(nodes[index])
    return nodes[index].offset..<nodes[index].offset + nodes[index].size
  }

  private func index(_ node: NaiveTree.Node) -> Int { nodes.firstIndex { $0 === node }! }
}

/// The C driver's rule before 6.8.
struct NaiveC61: NaiveRanges {
  private var rule: NaiveC
  init(length: Int) { rule = NaiveC(length: length, countsNewBuffer: true) }
  var length: Int { rule.length }
  var live: [NaiveBuffer] { rule.live }
  mutating func reserve(_ size: Int, oneway: Bool, sender: Int32) -> Placement {
    rule.reserve(size, oneway: oneway, sender: sender)
  }
  mutating func free(_ offset: Int) -> Range<Int> { rule.free(offset) }
}
