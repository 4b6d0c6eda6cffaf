internal import Glibc

/// The system resources that this program holds, sampled while all threads rest.
struct SoakSample: Equatable {
  /// Seconds since the start.
  var time = 0
  var transactions = 0
  /// Resident memory in bytes.
  var resident = 0
  /// Open descriptors, without those of exported regions.
  var descriptors = 0
  var mappings = 0
  /// The mappings of regions, which `mappings` includes.
  var regionMappings = 0

  mutating func measure() {
    resident = Self.residentPages() * Int(sysconf(CInt(_SC_PAGESIZE)))
    descriptors = Self.openDescriptors()
    (mappings, regionMappings) = Self.mapped()
  }

  private static func residentPages() -> Int {
    guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard unsafe fgets(&line, CInt(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 > 0 }.map { UInt8($0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
  }

  private static func openDescriptors() -> Int {
    guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(directory) }
    // `.`, `..` and the directory itself do not count.
    var count = -3
    while unsafe readdir(directory) != nil { count += 1 }
    return count
  }

  private static func mapped() -> (all: Int, regions: Int) {
    guard let file = unsafe fopen("/proc/self/maps", "r") else { return (0, 0) }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 4096)
    var (all, regions) = (0, 0)
    while unsafe fgets(&line, CInt(line.count), file) != nil {
      all += 1
      if unsafe strstr(line, "/memfd:") != nil { regions += 1 }
    }
    return (all, regions)
  }
}

/// Decides whether resource use stays flat.
struct SoakTrend {
  /// The number of first samples in which threads, allocator and tables may still grow.
  static let warmUp = 8
  /// The least number of samples that say something.
  static let fewestJudged = 4
  /// How much resident memory may vary, in bytes: the C allocator may keep freed memory.
  static let slack = 16 << 20
  private static let mappingSlack = 64

  private var count = 0
  private var highest = SoakSample()

  /// Samples that were compared with those of the warm-up.
  var judged: Int { max(0, count - Self.warmUp) }

  /// What has grown since the warm-up, in words; nil when all is flat.
  mutating func growth(in sample: SoakSample) -> String? {
    count += 1
    guard count > Self.warmUp else {
      highest.resident = max(highest.resident, sample.resident)
      highest.descriptors = max(highest.descriptors, sample.descriptors)
      highest.mappings = max(highest.mappings, sample.mappings)
      return nil
    }
    if sample.resident > highest.resident + Self.slack {
      return "memory grew from \(Format.bytes(highest.resident)) to "
        + Format.bytes(sample.resident)
    }
    if sample.descriptors > highest.descriptors {
      return "descriptors grew from \(highest.descriptors) to \(sample.descriptors)"
    }
    if sample.mappings > highest.mappings + Self.mappingSlack {
      return "mappings grew from \(highest.mappings) to \(sample.mappings)"
    }
    return nil
  }
}
