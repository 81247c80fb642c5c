#include "zarrloom/array/tree_copy.h"

#include <gtest/gtest.h>

#include "fakes/arrays.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

template <typename Call>
ErrorCode code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;  // nothing was thrown
}

class TreeCopies : public testing::TestWithParam<fakes::Workers> {
 protected:
  OpenOptions options() const { return {.runtime = runtime_}; }

  // "g/a" with 10 chunks.
  Group make(const std::shared_ptr<Store>& store, int zarr_format = 3) const {
    const Group root = Group::create(store, "", {.zarr_format = zarr_format}, false, options());
    CreateOptions create = fakes::int32_array({20}, {2});
    create.zarr_format = zarr_format;
    fakes::write_all(root.create_array("g/a", create), fakes::counting({20}));
    return root;
  }

 private:
  std::shared_ptr<Runtime> runtime_ = std::make_shared<Runtime>(GetParam().options);
};

INSTANTIATE_TEST_SUITE_P(Workers, TreeCopies, testing::ValuesIn(fakes::all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

std::size_t run(TreeCopy copy, std::size_t at_once = 3) {
  std::size_t done = 0;
  while (const std::size_t step = copy.step(at_once)) done += step;
  EXPECT_EQ(done, copy.total());
  return done;
}

TEST_P(TreeCopies, CopiesAllObjects) {
  for (const int format : {2, 3}) {
    const Group from = make(make_memory_store(), format);
    const auto target =
        std::make_shared<fakes::SlowStore>(make_memory_store(), std::chrono::milliseconds(1));
    const Group to = Group::create(target, "", {}, false, options());
    EXPECT_EQ(run(TreeCopy(from, "g", to, "x/y", false)), 12U);  // no .zattrs: there are none
    EXPECT_EQ(fakes::read_all(std::get<Array>(to.at("x/y/a"))), fakes::counting({20}));
    EXPECT_EQ(std::get<Group>(to.at("x/y")).zarr_format(), format);
  }
}

TEST_P(TreeCopies, ACopyThatIsNotCompleteIsNoNode) {
  const Group from = make(make_memory_store());
  for (std::uint64_t n = 1; n <= 12; ++n) {
    const auto faulty = std::make_shared<fakes::FaultyStore>(make_memory_store());
    const Group to = Group::create(faulty, "", {}, false, options());
    TreeCopy copy(from, "g", to, "x", false);
    faulty->fail_write(n, {.code = ErrorCode::storage, .message = "full"});
    EXPECT_EQ(code_of([&] {
                while (copy.step(4) > 0) {
                }
              }),
              ErrorCode::storage);
    EXPECT_FALSE(to.contains("x"));
    EXPECT_EQ(run(TreeCopy(from, "g", to, "x", true)), 12U);
  }
}

TEST_P(TreeCopies, PlacesInOneAnotherAreRefused) {
  const Group root = make(make_memory_store());
  for (const auto& [source, target] : {std::pair("g", "g"), {"g", "g/b"}, {"g/a", "g"}}) {
    EXPECT_EQ(code_of([&] { TreeCopy(root, source, root, target, true); }),
              ErrorCode::invalid_argument);
  }
  EXPECT_EQ(code_of([&] { TreeCopy(root, "q", root, "r", true); }), ErrorCode::node_not_found);
  EXPECT_EQ(fakes::read_all(std::get<Array>(root.at("g/a"))), fakes::counting({20}));
}

}  // namespace
}  // namespace zarrloom
