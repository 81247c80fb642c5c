#include "zarrloom/array/rectilinear.h"

#include "zarrloom/array/document.h"

namespace zarrloom {
namespace {

std::int64_t read_positive(const Json& value) {
  const std::int64_t* number = value.as_int();
  if (number == nullptr || *number < 1) fail_member("chunk_shapes", "sizes of 1 or more", value);
  return *number;
}

void read_sizes(const Json& value, ChunkRuns& runs) {
  const Json::Array* pair = value.as_array();
  if (pair == nullptr) return add_chunks(runs, read_positive(value), 1);
  if (pair->size() != 2) fail_member("chunk_shapes", "pairs [size, how many]", value);
  add_chunks(runs, read_positive(pair->front()), read_positive(pair->back()));
}

ChunkRuns read_runs(const Json::Array& list, std::size_t dim, std::int64_t extent) {
  ChunkRuns runs;
  for (const Json& item : list) read_sizes(item, runs);
  if (!runs.empty() && runs.back().end() >= extent) return runs;
  fail(ErrorCode::corrupt_metadata,
       "chunk_shapes: the sizes in dimension " + std::to_string(dim) + " add up to " +
           std::to_string(runs.empty() ? 0 : runs.back().end()) + " where the array has " +
           std::to_string(extent) + " elements");
}

}  // namespace

ChunkGrid parse_chunk_shapes(const Json& chunk_shapes, const Dims& shape) {
  const Json::Array* list = chunk_shapes.as_array();
  if (list == nullptr || list->size() != shape.size()) {
    fail_member("chunk_shapes", "a list with an entry for each dimension", chunk_shapes);
  }
  Dims sizes = Dims::filled(shape.size(), 1);
  std::vector<std::optional<ChunkRuns>> runs(shape.size());
  try {
    for (std::size_t d = 0; d < shape.size(); ++d) {
      const Json& item = (*list)[d];
      if (const Json::Array* edges = item.as_array()) {
        runs[d] = read_runs(*edges, d, shape[d]);
      } else {
        sizes[d] = read_positive(item);
      }
    }
  } catch (const Error& error) {  // sizes beyond 64 bits
    if (error.code() != ErrorCode::invalid_argument) throw;
    fail(ErrorCode::corrupt_metadata, std::string("chunk_shapes: ") + error.what());
  }
  return {sizes, std::move(runs)};
}

Json write_chunk_shapes(const ChunkGrid& grid) {
  Json::Array shapes;
  for (std::size_t d = 0; d < grid.rank(); ++d) {
    const ChunkRuns* runs = grid[d].runs();
    if (runs == nullptr) {
      shapes.emplace_back(grid[d].largest());
      continue;
    }
    Json::Array sizes;
    for (const ChunkRun& run : *runs) {
      sizes.push_back(run.count == 1 ? Json(run.size) : Json(Json::Array{run.size, run.count}));
    }
    shapes.emplace_back(std::move(sizes));
  }
  return shapes;
}

ChunkGrid parse_rectilinear(const Json& configuration, const Dims& shape) {
  const Json& kind = required_member(configuration, "kind");
  if (kind != Json("inline")) {
    fail(ErrorCode::unsupported, "chunk_grid \"rectilinear\": of kind " + write_json(kind, 0) +
                                     ", which is not known; known is \"inline\"");
  }
  return parse_chunk_shapes(required_member(configuration, "chunk_shapes"), shape);
}

Json write_rectilinear(const ChunkGrid& grid) {
  return Json::Object{{"kind", "inline"}, {"chunk_shapes", write_chunk_shapes(grid)}};
}

}  // namespace zarrloom
