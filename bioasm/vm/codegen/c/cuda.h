/* The dialect CUDA C++ of NVRTC, with all functions for the device (-default-device). */
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef long long intptr_t;
#define INT64_C(x) x##LL
#define UINT32_C(x) x##U
#define UINT64_C(x) x##ULL

#define BIO_UNUSED __attribute__((unused))
#define LINKAGE BIO_UNUSED static
#define BIO_INFINITY (__longlong_as_double(0x7ff0000000000000LL))
#define BIO_NAN (__longlong_as_double(0x7ff8000000000000LL))
#define BIO_SQRT(x) __dsqrt_rn(x)
#define BIO_SQRT_SINGLE(x) __fsqrt_rn(x)
#define BIO_FMA(x, y, z) __fma_rn(x, y, z)

#define GLOBAL
#define TABLE static __device__ const
#define OF_TABLE const
#define KERNEL extern "C" __global__ void
#define ITEM ((int64_t)blockIdx.x * blockDim.x + threadIdx.x)
#define OWN_LANE (ITEM % LANES)
